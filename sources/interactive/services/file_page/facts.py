"""The catalogue's record of one file, what the file is, and names like one that is not known."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from interactive.models import (
    CatalogFile,
    ContextHistory,
    ContextPointer,
    Delivery,
    FileState,
    FileType,
    RuleLink,
)
from interactive.services import latest_references

#: Candidates that are looked at for names like an unknown one.
CANDIDATES = 400
NEAR = 8

#: Predecessors offered for comparison.
PREDECESSORS = 20

NO_DATE, NO_TEXT = "N/A", "none"

#: After the last character that names have, for ranges of an index.
AFTER = "\x7f"


@dataclass(frozen=True)
class Row:
    """A row of the database table; ``link`` marks a value that is the name of a known file."""

    label: str
    value: str
    link: bool = False
    mono: bool = False


def published(name: str) -> CatalogFile | None:
    """The published file ``name`` with its bad mark; one query."""
    return (CatalogFile.objects.published().select_related("bad_mark")
            .filter(name=name).first())


def deliveries(file: CatalogFile) -> list[Delivery]:
    """Deliveries of the file, newest first."""
    return list(Delivery.objects.filter(files=file).order_by("-number"))


def record(file: CatalogFile, delivered: list[Delivery], known: set[str]) -> list[Row]:
    """The database table, with the labels that other software reads.

    ``known`` are the names that may be linked.
    """
    submitted = delivered[0].description if delivered else ""

    def text(label: str, value: str, mono: bool = False) -> Row:
        return Row(label, value or NO_TEXT, link=value in known and value != file.name, mono=mono)

    rows = [
        text("CRDS Name", file.name, mono=True),
        text("Uploaded Name", file.uploaded_as, mono=True),
        text("Sha1sum", file.sha1sum, mono=True),
        text("Size (bytes)", size(file.size)),
        text("Status", file.state),
        text("Reject Flag", _flag(file.rejected)),
        text("Blacklisted", _flag(file.blacklisted)),
        text("Replaced By File Name", file.replaced_by_filename, mono=True),
        text("Reason for Delivery", submitted or file.description),
        text("Derived From", file.derived_from, mono=file.derived_from in known),
        text("Change Level", file.change_level.upper()),
        Row("Delivery Date", date(file.delivery_date)),
        Row("Activation Date", date(file.activation_date)),
    ]
    if file.type == FileType.REFERENCE:
        rows += [
            text("Pedigree", file.pedigree),
            Row("Useafter Date", date(file.useafter_date)),
            text("Descrip", file.description),
            text("Submit Description", submitted),
        ]
    rows += [text("Instrument", file.instrument), text("Reference Type", file.filekind)]
    if file.type == FileType.REFERENCE:
        rows += [
            text("Reftype", file.reference_file_type),
            text("Aperture", file.aperture),
            text("Comment", file.comment),
            text("History", file.history),
        ]
    rows += [text("Deliverer", _user(file.deliverer_user)), text("Creator", file.creator_name)]
    return rows


def _user(name: str) -> str:
    """A user name; where a mail address is one, only what stands before the host."""
    return name.partition("@")[0]


def _flag(value: bool) -> str:
    return "true" if value else "false"


def date(moment: datetime | None) -> str:
    """``2014-05-15 15:31:54`` in UTC, ``N/A`` for None."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if moment else NO_DATE


def size(count: int | None) -> str:
    """``10592640 ( 10.6 M)``: the number, and as people read it."""
    return "" if count is None else f"{count} ( {_short(count)})"


def _short(count: float) -> str:
    for unit in ("", "K", "M", "G"):
        if count < 1000:
            return f"{count:.1f} {unit}" if unit else str(count)
        count /= 1000
    return f"{count:.1f} T"


def names_in_record(file: CatalogFile) -> set[str]:
    """Which of the names in the record are published files; one query."""
    names = {file.derived_from, file.replaced_by_filename, file.uploaded_as} - {""}
    if not names:
        return set()
    return set(CatalogFile.objects.published().filter(name__in=names)
               .values_list("name", flat=True))


# ---- what it is --------------------------------------------------------------


def headline(file: CatalogFile) -> str:
    """What the file is, in one line: ``Bias Frame (biasfile) of ACS``."""
    instrument = file.instrument.upper()
    kind = type_name(file.instrument, file.filekind)
    if file.extension == ".pmap":
        return f"Context of {file.observatory.upper()}: the rules of all instruments"
    if file.extension == ".imap":
        return f"Rules of all types of {instrument or 'an instrument'}"
    of = f" of {instrument}" if instrument else ""
    if file.extension == ".rmap":
        return f"Rules for {kind}{of}"
    return f"{kind[:1].upper()}{kind[1:]}{of}"


def type_name(instrument: str, filekind: str) -> str:
    """``Bias Frame (biasfile)``; the short name alone where the library knows no other."""
    if not filekind:
        return "reference file"
    known = latest_references.descriptions().get(instrument, {}).get(filekind, "")
    return f"{known} ({filekind})" if known and known.lower() != filekind else filekind


def latest_since(file: CatalogFile) -> str:
    """The day since which a file in the latest context is there, where that is certain."""
    if file.state != FileState.LATEST or file.activation_date is None:
        return ""
    return file.activation_date.astimezone(UTC).strftime("%Y-%m-%d")


def roles(file: CatalogFile) -> list[str]:
    """What a context is used for now, as pointers say; one query for contexts, else none."""
    if not file.is_context:
        return []
    kinds = set(ContextPointer.objects.filter(context=file).values_list("kind", flat=True))
    return [kind for kind in ContextPointer.Kind.values if kind in kinds]


def ever_latest(file: CatalogFile) -> bool:
    return ContextHistory.objects.filter(context=file.name).exists()


# ---- files to compare with -----------------------------------------------------


def predecessors(file: CatalogFile) -> list[str]:
    """Files that came before ``file`` and can be compared with it, the nearest first.

    Of a rule: the one it was derived from, then those before it in its series.  Of a
    reference: what it replaced, then those of its newest rules that are used for
    earlier exposures.  Only files with bytes here.  At most three queries.
    """
    if not file.stored:
        return []
    if file.type == FileType.MAPPING:
        return _earlier_rules(file)
    return _earlier_references(file)


def _same_kind(file: CatalogFile):
    return CatalogFile.objects.downloadable().filter(
        type=file.type, instrument=file.instrument, filekind=file.filekind)


def _earlier_rules(file: CatalogFile) -> list[str]:
    from .ranges import in_order

    names = in_order(
        _same_kind(file).filter(extension=file.extension).values_list("name", flat=True))
    before = names[:names.index(file.name)][-PREDECESSORS:][::-1] if file.name in names else []
    if file.derived_from in names:
        return list(dict.fromkeys([file.derived_from, *before]))
    return before


def _earlier_references(file: CatalogFile) -> list[str]:
    # By the index of this column alone: a type may have a hundred thousand files.
    replaced = [name for name, kind in CatalogFile.objects.downloadable().filter(
                    replaced_by_filename=file.name).values_list("name", "filekind")[:PREDECESSORS]
                if kind == file.filekind]
    rules = (RuleLink.objects.filter(child=file).exclude(parent__state=FileState.UPLOADED)
             .order_by("-parent__name").values_list("parent_id", flat=True).first())
    if rules is None:
        return replaced
    others = CatalogFile.objects.downloadable().filter(
        links_up__parent=rules).exclude(pk=file.pk)
    if file.useafter_date:
        others = others.filter(
            Q(useafter_date__lte=file.useafter_date) | Q(useafter_date__isnull=True))
    names = others.order_by("-useafter_date", "-name").values_list("name", flat=True)
    return list(dict.fromkeys([*replaced, *names[:PREDECESSORS]]))


# ---- names that are not known ----------------------------------------------------


def near_names(name: str) -> list[str]:
    """Published names like ``name``, the most alike first; at most five small queries."""
    names: dict[str, None] = {}
    wanted = name.strip().lower()[:128]
    if not wanted:
        return []
    for candidate in _same_but_case(wanted):
        names[candidate] = None
    for length in dict.fromkeys((len(wanted) - 2, len(wanted) * 3 // 4, len(wanted) // 2, 4)):
        if length < 2 or len(names) >= NEAR:
            continue
        found = _beginning(wanted[:length])
        for candidate in difflib.get_close_matches(wanted, found, NEAR, 0.6):
            names[candidate] = None
    return list(names)[:NEAR]


def _same_but_case(wanted: str) -> list[str]:
    """``wanted`` itself, or what was uploaded under this name for another."""
    return list(CatalogFile.objects.published().filter(name=wanted)
                .values_list("name", flat=True)[:NEAR])


def _beginning(prefix: str) -> list[str]:
    """Some published names that begin with ``prefix``, found by index on every database."""
    return list(CatalogFile.objects.published()
                .filter(name__gte=prefix, name__lt=prefix + AFTER)
                .order_by("name").values_list("name", flat=True)[:CANDIDATES])
