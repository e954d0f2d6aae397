"""Sorts the library's messages: a stable code for each, and what its reader does about it.

The library logs; it has no codes.  What it says is recognised by the class of the exception
behind a message, else by its words, which belong to version 14 of the client.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .outcome import ERROR, NOTE, WARNING, Found

#: Characters of one finding that people get to see; the log has all.
TEXT_LIMIT = 2000

LEVELS = {"ERROR": ERROR, "CRITICAL": ERROR, "WARNING": WARNING}


@dataclass(frozen=True)
class Record:
    """One message of the library; ``causes`` are the classes of the exception behind it."""

    level: str
    text: str
    causes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """As the client prints it, without folders of this server."""
        return f"CRDS - {self.level} - {_FOLDER.sub('', self.text)}"


@dataclass(frozen=True)
class Sort:
    """A sort of finding: texts that fit ``pattern``, or messages behind which ``cause`` stands."""

    code: str
    pattern: str
    advice: str
    cause: str = ""

    def fits(self, record: Record) -> bool:
        if self.cause and self.cause not in record.causes:
            return False
        return bool(re.search(self.pattern, record.text, re.DOTALL))


#: The library has no words for it.
NO_MEMORY = "Checking the file takes more memory than it may use."

_FIX = "Correct the file and upload it again; the other files can stay."
_CHECKSUM = ("Run \"crds checksum FILE\" to write right checksums, or \"crds checksum --remove"
             " FILE\" to take them out; then upload the file again.")
_COPY = "Copy the file anew from where it was made and upload it again."
_MODELS = ("Rebuild the file with the data models of the calibration software"
           " and upload it again.")
_RULE = ("Correct the rule, or derive it anew with \"crds\" tools or the rule editor,"
         " and upload it again.")

#: The first that fits counts.
SORTS = (
    Sort("memory", "", "The file needs more memory than the server allows. If it is really that"
         " large, ask the operators to raise the limit.", cause="MemoryError"),
    Sort("nesting", "", "The file is nested too deeply to be read. " + _FIX,
         cause="RecursionError"),
    Sort("nesting", r"too many nested|s_push: parser stack overflow",
         "The file is nested too deeply to be read. " + _FIX),
    Sort("other-telescope", r"(is|are) for the .* telescope", "Submit the file to the server of its"
         " telescope."),
    # Rules
    Sort("rule-code", r"Illegal statement or expression|Unknown node type|Only define 'header'"
         r"|Section value must be|Invalid 'header' or 'selector'|is not one of supported Selectors"
         r"|object has no attribute 'id'",
         "A rule is a header and a selector, nothing else; code in it is never run. " + _RULE),
    Sort("rule-checksum", r"^ ?(Checksum error|ChecksumError)|sha1sum (mismatch|is missing)",
         "The rule was changed without its checksum, or damaged. Run \"crds checksum FILE\" and"
         " upload it again; rules to which CRDS gives a name get a new checksum anyway."),
    Sort("rule-duplicate", r"Duplicate entry at|appears more than once",
         "The same case stands in the rule twice and one would be lost. " + _RULE),
    Sort("unknown-file", r"No such file or directory: '[^']*\.[pir]map'",
         "The rule names a rule file that CRDS does not have. Submit that file first or together"
         " with this one."),
    Sort("rule-value", r"^ ?(Match|UseAfter|SelectVersion|ClosestTime|Bracket|GeometricallyNearest)"
         r"\(", "A case has a value or form that the type does not allow. " + _RULE),
    Sort("rule-reversion", r"^ ?(Reversion at|Failed to classify name|Unhandled name comparison)",
         "Going by their names, an older file would replace a newer one. Confirm if that is"
         " intended. Names of the year 2026 and after look old to the client, which is harmless."),
    Sort("rule-deletion", r"^ ?(Deletion at|Deleted references)",
         "A file or case would be selected no more. Confirm if that is intended."),
    Sort("rule-change", r"^ ?(Rule change at|Unusual replacement|Different (lookup|classes)"
         r"|Added references)", "Confirm if this change is intended."),
    Sort("rule-new", r"^ ?(No equivalent (filekind|instrument)|Invalid comparison context"
         r"|Parent mapping for)", "There is no rule of this type in the context to compare with;"
         " ignore this for a new type."),
    Sort("rule-unparsable", r"Parsing error|Can't load file|selector must be|is not a valid rule"
         r"|The (selector|file) cannot be read|header says mapping|[Mm]issing header key",
         "This is not a readable rule file. " + _RULE),
    # fitsverify
    Sort("checksum", r"RECATEGORIZED.*(checksum|CHECKSUM)", _CHECKSUM),
    Sort("checksum", r"(Checksum|Datasum) verification failed|[Cc]hecksum (is|missing)", _CHECKSUM),
    Sort("truncated", r"truncated|error reading from FITS file|buffer is too small"
         r"|[Uu]nexpected end|Premature end|Empty or corrupt",
         "The file is not complete. " + _COPY),
    Sort("fitsverify-summary", r"Fitsverify output contains",
         "See the messages of fitsverify about this file."),
    Sort("fitsverify-missing", r"fitsverify program is enabled but not found",
         "An operator installs it with \"apt-get install fitsverify\"; submit again then."),
    Sort("fitsverify", r"^ ?>> ", "The file breaks the FITS standard. Correct what fitsverify says"
         " and upload it again."),
    # data models and ASDF
    Sort("datamodels-missing", r"requires installation of the 'jwst' package"
         r"|No module named '(stdatamodels|roman_datamodels|jwst|asdf_|rad)",
         "The server lacks the data models. An operator runs \"./install\" for this observatory"
         " again; submit again then."),
    Sort("datamodels-generic", r"^ ?(NoTypeWarning|Missing suggested keyword 'META.MODEL_TYPE)",
         "Set DATAMODL (meta.model_type) to the class of data model, so that all its checks apply;"
         " without it only the general ones do."),
    Sort("schema", r"^ ?ValidationWarning", "A value breaks the schema of the data models. "
         + _MODELS),
    Sort("datamodels", r"JWST Data Models|DataModel|roman_datamodels", _MODELS),
    Sort("asdf-version", r"ASDF Standard version .* does not fulfill",
         "Write the file with a version of the ASDF standard that the context allows and upload it"
         " again."),
    Sort("asdf-library", r"dev version of asdf library",
         "Write the file with a released version of the asdf library."),
    Sort("asdf-extension", r"must not include an ASDF extension",
         "Take the ASDF extension out of the FITS file and upload it again."),
    Sort("format", r"Does not appear to be a ASDF|ASDF.*(invalid|not)|JSON wouldn't load"
         r"|YAML wouldn't load|while (scanning|parsing|constructing)|Header missing END"
         r"|No SIMPLE card|not a valid FITS|could not determine a constructor|expected .* but found"
         r"|Error parsing", "The file is not what its name says. " + _FIX),
    Sort("schema", r"Mismatched tags|is not valid under any|is a required property"
         r"|Invalid ASDF schema",
         "The file breaks its schema. " + _MODELS),
    # tables
    Sort("table-no-comparison", r"No comparison reference", "There is no table to compare with;"
         " ignore this for a new type, mode or USEAFTER."),
    Sort("table-comparison-lost", r"Failed to obtain reference comparison file"
         r"|Failed resolving comparison reference", "The table could not be compared with the one"
         " that it replaces. The server may not store that file; ignore this if you compared"
         " them yourself."),
    Sort("table-duplicate-modes", r"Duplicate definitions in", "The same mode has several rows"
         " and only the first may count. Check the table; ignore this if intended."),
    Sort("table-missing-modes", r"is NOT IN new reference|Table mode .* missing",
         "A mode of the replaced table is not in the new one. Check the table; ignore this if"
         " intended."),
    Sort("table-format", r"Change in row format|Differing HDU counts|Column key mismatch"
         r"|Cannot compare arrays", "The table is built unlike the one that it replaces. Check"
         " that the calibration software can read it."),
    # what it is for
    Sort("context", r"Unknown instrument|Unknown reference type|Unknown filekind"
         r"|UnknownInstrument|UnknownReftype|does not define|No mapping for",
         "The context has no rules for this instrument or type. Choose a context that has, or"
         " submit the rules first."),
    Sort("synphot-name", r"Invalid filename: must end|filename version", "Throughput and thermal"
         " files keep their names: give the file a higher version number and upload it again."),
    Sort("unidentified", r"Can't (determine|identify)|Invalid (FILETYPE|instrument|file ?type|"
         r"filekind|id field)|Bad (instrument|filekind)|Unknown (file type|observatory)"
         r"|Failed to determine|Cannot determine|Invalid filename", "Give the keywords that say"
         " for which instrument and type the file is, and upload it again."),
    Sort("synphot-first-version", r"No previous file exists for COMPNAME|Previous filename",
         "Ignore this for a new component."),
    Sort("synphot-ends", r"(First|Last) value of column", "The throughput should end in zeros."
         " Ignore this if intended."),
    Sort("synphot-table", r"TMG contains|Malformed FILENAME|Table is parametrized",
         "Correct the table and upload it again."),
    Sort("synphot-untested", r"stsynphot is not installed", "An operator runs \"./install\" for"
         " this observatory again; or try the observing modes yourself before you confirm."),
    Sort("synphot-components", r"Components present in|components could not be compared",
         "Submit the graph, the lookup tables and the component files so that they name the same"
         " components."),
    Sort("synphot-table", r"Malformed (TMC|TMT|TMG) filename", "Correct the table, or leave it out"
         " and have it made."),
    Sort("synphot-mode", r"from stsynphot with obsmode|observing modes could not be tried",
         "The ensemble does not build this observing mode. Correct the files and submit again."),
    # constraints
    Sort("keyword-missing", r"Missing (required|suggested|keyword)|Missing keyword",
         "Add it to the file and upload it again."),
    Sort("keyword-unwanted", r"\*Must not define\*", "Take the keyword out and upload the file"
         " again."),
    Sort("pattern-keyword", r"CRDS-pattern-like keyword", "Check how the keyword is spelt; it"
         " selects nothing as it is."),
    Sort("keyword-type", r"invalid literal for|could not convert|has wrong type|expected type",
         "The value has the wrong type. Correct it and upload the file again."),
    Sort("keyword-date", r"date|Date|time data|USEAFTER|PEDIGREE", "Write the date or pedigree in"
         " the form that is asked for and upload the file again."),
    Sort("keyword-value", r"is not one of|is not within|outside acceptable range|Invalid value",
         "Correct the value and upload the file again, or ask the CRDS team to allow it."),
    Sort("constraint", r"Constraint .* is not satisfied|Failed checking (constraint|applicability)"
         r"|Kernel sum|kernel center|Shape mism|Data type mism|Bad maximum HDU|does not exist in"
         r" CRDS", "Correct the file and upload it again, or ask the CRDS team to change the"
         " constraint."),
    Sort("group-keys", r"Group keys are not currently supported", "Nothing needs to be done."),
    Sort("fits", r"AstropyUserWarning|VerifyWarning|VerifyError|astropy", "Correct the FITS file as"
         " the message says and upload it again."),
)

OTHER = {
    ERROR: ("other-error", _FIX),
    WARNING: ("other-warning", "Check whether this matters."),
}

#: Path before the name of a file: only the name is of use to people.
_FOLDER = re.compile(r"(?<![\w.])/(?:[\w.+-]+/)+(?=[\w.+-])")

#: The library begins some messages with the file they are about.
_ABOUT = re.compile(r"^(In '[^']*' : +|\S+ (?=(Validation|Certifier instantiation) error))")

#: It shows the whole header and rule in one message.
_HEADER = re.compile(r" with header: \{.* : (?=\S)")


def classify(record: Record) -> Found | None:
    """The finding in one message; None where it is only information."""
    level = LEVELS.get(record.level)
    if level is None:
        return None
    sort = next((sort for sort in SORTS if sort.fits(record)), None)
    code, advice = (sort.code, sort.advice) if sort else OTHER[level]
    text = NO_MEMORY if code == "memory" else readable(record.text)
    return Found(level, code, text, advice)


def readable(text: str) -> str:
    """``text`` in one paragraph, without folders and what the library says about itself."""
    text = _FOLDER.sub("", text)
    text = " ".join(text.split())
    text = _ABOUT.sub("", text)
    text = _HEADER.sub(": ", text)
    text = re.sub(r"(^Validation error : |\[Errno \d+\] |(?<=')\./(?=\w))", "", text).strip()
    return text if len(text) <= TEXT_LIMIT else text[:TEXT_LIMIT - 1] + "…"


__all__ = ["NOTE", "Record", "Sort", "classify", "readable"]
