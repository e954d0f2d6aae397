"""What pages say, for tests."""

from __future__ import annotations

import html
import re


def words(response) -> str:
    """The text of a page without its marks."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", response.content.decode(), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", text)))


def results(response) -> list[dict[str, list[str]]]:
    """``{type: [words of each column]}`` of every table of results on a page."""
    found = []
    for table in re.findall(r'<div class="outputs">.*?</table>', response.content.decode(), re.S):
        rows = {}
        for row in re.findall(r"<tr\b.*?</tr>", table.partition("<tbody>")[2], re.S):
            kind, *cells = [
                re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", cell))).strip()
                for cell in re.findall(r"<t[hd]\b[^>]*>(.*?)</t[hd]>", row, re.S)]
            rows[kind] = cells[1:]
        found.append(rows)
    return found


def parameters(response) -> dict[str, str]:
    """Input parameters of the first answer on a page, in their order."""
    table = response.content.decode().partition('<div class="inputs">')[2].partition("</table>")[0]
    return {
        html.unescape(key): html.unescape(re.sub(r"<[^>]+>", "", value))
        for key, value in re.findall(r'<th scope="row"[^>]*>(.*?)</th><td>(.*?)</td>', table)}


def shown(text: str) -> str:
    """How the page of one dataset shows an answer of the library."""
    if text.upper() in ("N/A", "NOT FOUND N/A"):
        return "n/a"
    if text.startswith("("):
        return f"The rules name several files of equal weight: {text}"
    return re.sub(r"\s+", " ", text.removeprefix("NOT FOUND").strip()) or "No reason was given."
