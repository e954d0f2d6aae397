"""Cards of two FITS headers: what astropy's HeaderDiff finds, as lists."""

from __future__ import annotations

from astropy.io import fits

from .values import shown

#: Keywords of texts of many cards, which are compared line by line.
COMMENTARY = ("HISTORY", "COMMENT", "")

#: Cards of one list that are kept.
LIMIT = 500


def compare(old: fits.Header, new: fits.Header) -> dict:
    """Cards that came, went or changed.

    ``{"added": [[keyword, value, comment], …], "deleted": […], "changed": [[keyword, old
    value, new value], …], "comments": [the same for comments of cards], "total": n}``
    """
    found = fits.HeaderDiff(old, new, ignore_keywords=COMMENTARY, ignore_blanks=True)
    added, deleted = _keywords(found, old, new)
    result = {
        "added": added,
        "deleted": deleted,
        "changed": _pairs(found.diff_keyword_values),
        "comments": _pairs(found.diff_keyword_comments),
    }
    _add_commentary(result, old, new)
    result["total"] = sum(len(cards) for cards in result.values())
    return {name: cards[:LIMIT] if isinstance(cards, list) else cards
            for name, cards in result.items()}


def _keywords(found: fits.HeaderDiff, old, new) -> tuple[list, list]:
    """Cards of keywords that one side does not have, or has fewer times."""
    deleted, added = [], []
    if found.diff_keywords:
        deleted += [card for keyword in found.diff_keywords[0] for card in _cards(old, keyword)]
        added += [card for keyword in found.diff_keywords[1] for card in _cards(new, keyword)]
    for keyword, (before, after) in (found.diff_duplicate_keywords or {}).items():
        if before > after:
            deleted += _cards(old, keyword)[after:]
        else:
            added += _cards(new, keyword)[before:]
    return added, deleted


def _cards(header, keyword: str) -> list[list[str]]:
    cards = [header.cards[keyword, number] for number in range(header.count(keyword))]
    return [[keyword, shown(card.value), shown(card.comment)] for card in cards]


def _pairs(found: dict) -> list[list[str]]:
    return [[keyword, shown(pair[0]), shown(pair[1])]
            for keyword, pairs in (found or {}).items() for pair in pairs if pair is not None]


def _add_commentary(result: dict, old, new) -> None:
    """Lines of HISTORY and COMMENT that only one side has, in their order."""
    for keyword in COMMENTARY:
        before, after = (_lines(header, keyword) for header in (old, new))
        for name, lines, others in (("deleted", before, after), ("added", after, before)):
            left = list(others)
            for line in lines:
                if line in left:
                    left.remove(line)
                elif line:
                    result[name].append([keyword or "(blank)", line, ""])


def _lines(header, keyword: str) -> list[str]:
    return [shown(line) for line in header[keyword]] if keyword in header else []
