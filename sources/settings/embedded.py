"""A laptop: SQLite, a cache in files that the processes share, mail into files."""

from .base import *  # noqa: F403
from .base import INSTANCE

ALLOWED_HOSTS = [*INSTANCE.site.ALLOWED_HOSTS, "localhost", "127.0.0.1", "[::1]"]

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": str(INSTANCE.shared_cache),
        "TIMEOUT": None,
        # The default of 300 entries would evict what is made once per catalogue change.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    }
}

EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = str(INSTANCE.logs / "mail")
