"""Small rule files for tests, with the checksum that belongs in their header."""

from __future__ import annotations

import hashlib


def with_checksum(text: str) -> str:
    """``text`` with its ``sha1sum`` line filled in as the library counts it."""
    counted = "".join(line for line in text.splitlines(True) if "sha1sum" not in line)
    return text.replace("SHA1", hashlib.sha1(counted.encode()).hexdigest())


def pmap(name: str, children: dict[str, str], observatory: str = "HST") -> str:
    rows = "".join(f"    {key!r} : {value!r},\n" for key, value in children.items())
    return with_checksum(
        "header = {\n    'derived_from' : 'made by hand',\n    'description' : 'a test',\n"
        f"    'mapping' : 'PIPELINE',\n    'name' : {name!r},\n"
        f"    'observatory' : {observatory!r},\n    'parkey' : ('INSTRUME',),\n"
        "    'sha1sum' : 'SHA1',\n}\n\nselector = {\n" + rows + "}\n")


def imap(name: str, instrument: str, children: dict[str, str], observatory: str = "HST") -> str:
    rows = "".join(f"    {key!r} : {value!r},\n" for key, value in children.items())
    return with_checksum(
        "header = {\n    'derived_from' : 'made by hand',\n    'description' : 'a test',\n"
        f"    'instrument' : {instrument!r},\n    'mapping' : 'INSTRUMENT',\n"
        f"    'name' : {name!r},\n    'observatory' : {observatory!r},\n"
        "    'parkey' : ('REFTYPE',),\n    'sha1sum' : 'SHA1',\n}\n\nselector = {\n"
        + rows + "}\n")


def rmap(name: str, instrument: str, filekind: str, references: list[str],
         observatory: str = "HST") -> str:
    rows = "".join(f"        '20{number:02}-01-01 00:00:00' : {reference!r},\n"
                   for number, reference in enumerate(references))
    return with_checksum(
        "header = {\n    'derived_from' : 'made by hand',\n    'description' : 'a test',\n"
        f"    'filekind' : {filekind!r},\n    'instrument' : {instrument!r},\n"
        f"    'mapping' : 'REFERENCE',\n    'name' : {name!r},\n"
        f"    'observatory' : {observatory!r},\n"
        "    'parkey' : (('DETECTOR',), ('DATE-OBS', 'TIME-OBS')),\n"
        "    'sha1sum' : 'SHA1',\n}\n\nselector = Match({\n    ('FUV',) : UseAfter({\n"
        + rows + "    }),\n})\n")
