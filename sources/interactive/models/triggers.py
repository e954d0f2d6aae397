"""What the database itself refuses, whoever asks: SQL of the catalogue's triggers.

Kept apart from the migrations so that tests, which empty tables between runs,
can lift and restore the triggers.  The rules are the same on SQLite and MariaDB.
"""

from __future__ import annotations

from typing import NamedTuple

FILES = "interactive_catalogfile"
NAMES = "interactive_allocatedname"
SERIES = "interactive_nameseries"


class Guard(NamedTuple):
    """Refuse ``event`` on a row of ``table`` when ``condition`` holds."""

    name: str
    table: str
    event: str
    condition: str
    message: str


GUARDS = [
    Guard(
        "file_name_once", FILES, "INSERT",
        f"EXISTS (SELECT 1 FROM {NAMES} WHERE name = NEW.name AND taken = 1)",
        "A file name is never used twice.",
    ),
    Guard(
        "file_name_fixed", FILES, "UPDATE",
        "NEW.name <> OLD.name",
        "The name of a file never changes.",
    ),
    Guard(
        "file_content_fixed", FILES, "UPDATE",
        "OLD.state <> 'uploaded' AND ("
        "(OLD.sha1sum <> '' AND NEW.sha1sum <> OLD.sha1sum)"
        " OR (OLD.size IS NOT NULL AND (NEW.size IS NULL OR NEW.size <> OLD.size)))",
        "The content of a published file never changes.",
    ),
    Guard(
        "file_stays_published", FILES, "UPDATE",
        "OLD.state <> 'uploaded' AND NEW.state = 'uploaded'",
        "A published file stays published.",
    ),
    Guard(
        "file_stays", FILES, "DELETE",
        "OLD.state <> 'uploaded'",
        "A published file is never removed from the catalogue.",
    ),
    Guard("name_stays", NAMES, "DELETE", "1 = 1", "A name that was given out stays given out."),
    Guard(
        "name_stays_taken", NAMES, "UPDATE",
        "NEW.name <> OLD.name OR (OLD.taken = 1 AND NEW.taken = 0)",
        "A name that was used stays used.",
    ),
    Guard("series_stays", SERIES, "DELETE", "1 = 1", "A name series is never removed."),
    Guard(
        "series_grows", SERIES, "UPDATE",
        "NEW.last_serial < OLD.last_serial",
        "Serial numbers only grow.",
    ),
    Guard(
        "audit_no_update", "interactive_auditrecord", "UPDATE", "1 = 1",
        "The audit log only grows.",
    ),
    Guard(
        "audit_no_delete", "interactive_auditrecord", "DELETE", "1 = 1",
        "The audit log only grows.",
    ),
    Guard(
        "history_no_update", "interactive_contexthistory", "UPDATE", "1 = 1",
        "The context history only grows.",
    ),
    Guard(
        "history_no_delete", "interactive_contexthistory", "DELETE", "1 = 1",
        "The context history only grows.",
    ),
]

#: Notes the name of each new file as taken.
TAKE_NAME = "file_name_taken"


def create_statements(vendor: str) -> list[str]:
    """SQL that creates every trigger on ``vendor`` (``sqlite`` or ``mysql``)."""
    if vendor == "sqlite":
        return [_sqlite(guard) for guard in GUARDS] + [_TAKE_NAME_SQLITE]
    return [_mysql(guard) for guard in GUARDS] + [_TAKE_NAME_MYSQL]


def drop_statements() -> list[str]:
    """SQL that drops every trigger."""
    return [f"DROP TRIGGER IF EXISTS {name}" for name in [*(g.name for g in GUARDS), TAKE_NAME]]


def create(schema_editor) -> None:
    for statement in create_statements(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def drop(schema_editor) -> None:
    for statement in drop_statements():
        schema_editor.execute(statement, params=None)


def _sqlite(guard: Guard) -> str:
    return (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW"
        f" WHEN {guard.condition} BEGIN SELECT RAISE(ABORT, '{guard.message}'); END"
    )


def _mysql(guard: Guard) -> str:
    return (
        f"CREATE TRIGGER {guard.name} BEFORE {guard.event} ON {guard.table} FOR EACH ROW"
        f" BEGIN IF {guard.condition} THEN"
        f" SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{guard.message}'; END IF; END"
    )


_TAKE_NAME_SQLITE = (
    f"CREATE TRIGGER {TAKE_NAME} AFTER INSERT ON {FILES} FOR EACH ROW BEGIN"
    f" INSERT INTO {NAMES} (name, taken, allocated_at) VALUES (NEW.name, 1, CURRENT_TIMESTAMP)"
    " ON CONFLICT (name) DO UPDATE SET taken = 1; END"
)
_TAKE_NAME_MYSQL = (
    f"CREATE TRIGGER {TAKE_NAME} AFTER INSERT ON {FILES} FOR EACH ROW"
    f" INSERT INTO {NAMES} (name, taken, allocated_at) VALUES (NEW.name, 1, NOW(6))"
    " ON DUPLICATE KEY UPDATE taken = 1"
)
