"""Settings of the test run: those of a scratch instance, with its own databases.

``CRDS_TEST_DATABASE=mariadb`` runs the same tests on MariaDB; the connection
is read from ``CRDS_TEST_MARIADB_SOCKET``, ``…_USER`` and ``…_PASSWORD``.
"""

import os

from .base import DATABASES, INSTANCE
from .embedded import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Not recorded: tests count queries.  Tests of the records set 0 (at once) or a time.
STATS_FLUSH_SECONDS = None
# Files that tests drop into ingest folders are complete at once.
UPLOAD_SETTLE_SECONDS = 0

if os.environ.get("CRDS_TEST_DATABASE") == "mariadb":
    for _alias, _name in (("default", "crds_tests"), ("archive", "crds_tests_archive")):
        DATABASES[_alias] = {
            "ENGINE": "django.db.backends.mysql",
            "NAME": _name,
            "USER": os.environ["CRDS_TEST_MARIADB_USER"],
            "PASSWORD": os.environ.get("CRDS_TEST_MARIADB_PASSWORD", ""),
            "HOST": os.environ["CRDS_TEST_MARIADB_SOCKET"],
            "OPTIONS": {
                "charset": "utf8mb4",
                "isolation_level": "read committed",
                "init_command": "SET sql_mode='STRICT_ALL_TABLES,NO_ZERO_DATE,"
                "NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
            },
            "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_bin"},
        }
else:
    for _alias in DATABASES:
        # A file: the shared memory database that Django would use locks between threads.
        _file = INSTANCE.database_dir / f"test_{_alias}.sqlite3"
        DATABASES[_alias] = {**DATABASES[_alias], "TEST": {"NAME": str(_file)}}
