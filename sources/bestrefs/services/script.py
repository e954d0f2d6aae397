"""Download scripts: the references of an answer, fetched and checked by bash and curl or wget."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence

from django.conf import settings

from interactive import links
from interactive.models import CatalogFile

from .answers import Answer, Kind

_SCRIPT = r"""#!/bin/bash
# Best references under {context} for {number} of the {observatory} observatory.
# Fetches {files} from {server}
# and checks each against its sha1sum.  Files that are there already and right are kept.
#
#   bash {name}                 into the folder that it is run in
#   CRDS_PATH=~/crds_cache bash {name}    into a CRDS cache: references/{observatory}/...
#
# REFERENCE_LAYOUT=instrument|flat says how the cache keeps references; without it the
# cache's own setting is used, else by instrument.
set -u

server={quoted_server}
observatory={observatory}

if [ -n "${{CRDS_PATH:-}}" ]; then
  folder="$CRDS_PATH/references/$observatory"
  mode_file="$CRDS_PATH/config/$observatory/ref_cache_subdir_mode"
  layout="${{REFERENCE_LAYOUT:-$(cat "$mode_file" 2>/dev/null || echo instrument)}}"
else
  folder=.
  layout="${{REFERENCE_LAYOUT:-flat}}"
fi

sum_of() {{
  if command -v sha1sum >/dev/null; then sha1sum "$1" | cut -d' ' -f1
  else shasum -a 1 "$1" | cut -d' ' -f1; fi
}}

fetch() {{
  if command -v curl >/dev/null; then curl --fail --silent --show-error --location \
    --retry 3 --continue-at - --output "$2" "$1"
  else wget --quiet --tries=3 --continue --output-document="$2" "$1"; fi
}}

failed=0
done_number=0

# reference NAME INSTRUMENT SHA1SUM
reference() {{
  local target="$folder/$1"
  if [ "$layout" = instrument ]; then target="$folder/$2/$1"; fi
  if [ -f "$target" ] && [ "$(sum_of "$target")" = "$3" ]; then
    echo "have     $1"; done_number=$((done_number + 1)); return
  fi
  mkdir -p "$(dirname "$target")"
  # A part that a stop left behind is gone on with.
  if ! fetch "$server/$1" "$target.part"; then
    echo "FAILED   $1 could not be fetched" >&2; failed=$((failed + 1))
  elif [ "$(sum_of "$target.part")" != "$3" ]; then
    rm -f "$target.part"
    echo "FAILED   $1 came with another sha1sum" >&2; failed=$((failed + 1))
  else
    mv "$target.part" "$target"
    echo "fetched  $1"; done_number=$((done_number + 1))
  fi
}}

{calls}
{missing}
echo "$done_number references in place, $failed failed."
[ "$failed" -eq 0 ]
"""


def download_script(answers: Sequence[Answer], context: str, server: str,
                    name: str = "fetch_references.sh") -> str:
    """A bash script that fetches every reference of ``answers`` under ``context``.

    ``server`` is the public address of this server, without a slash at its end.  Files that
    are not stored here are named at the end and make the script fail.
    """
    files = sorted(
        {row.choice.text: row.choice.file for answer in answers for row in answer.rows
         if row.choice.kind is Kind.FILE}.items())
    stored = [file for _, file in files if file is not None and file.stored and file.sha1sum]
    missing = [label for label, file in files
               if file is None or not (file.stored and file.sha1sum)]
    folder = links.download_path("x").rpartition("/")[0]
    good = [answer for answer in answers if answer.ok]
    return _SCRIPT.format(
        context=_comment(context), observatory=settings.CRDS_OBSERVATORY,
        number=f"{len(good)} {'dataset' if len(good) == 1 else 'datasets'}",
        files=f"{len(stored)} {'file' if len(stored) == 1 else 'files'}",
        server=_comment(server), name=name,
        quoted_server=shlex.quote(f"{server}/{folder}"),
        calls="\n".join(_calls(stored)) or "# No reference of these is stored on this server.",
        missing="\n".join(_missing(missing)))


def _calls(files: Iterable[CatalogFile]) -> Iterable[str]:
    for file in files:
        yield (f"reference {shlex.quote(file.name)} {shlex.quote(file.instrument or 'none')}"
               f" {shlex.quote(file.sha1sum)}")


def _missing(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        yield (f"echo {shlex.quote(f'MISSING  {name} is not stored on this server')} >&2;"
               " failed=$((failed + 1))")


def _comment(text: str) -> str:
    """``text`` on one line: a comment must not end early."""
    return " ".join(text.split())
