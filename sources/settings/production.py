"""dev, test and ops: login and submission need TLS; downloads and JSON-RPC are never redirected."""

from .base import *  # noqa: F403
from .base import INSTANCE

ALLOWED_HOSTS = list(INSTANCE.site.ALLOWED_HOSTS)

CACHES = getattr(INSTANCE.site, "CACHES", None) or {
    "default": {
        "BACKEND": "django.core.cache.backends.memcached.PyMemcacheCache",
        "LOCATION": f"unix:{INSTANCE.run / 'memcached.sock'}",
        "KEY_PREFIX": INSTANCE.name,
        "TIMEOUT": None,
        # Without memcached everything is a miss: slower, never an error.
        "OPTIONS": {"no_delay": True, "ignore_exc": True, "connect_timeout": 1, "timeout": 2,
                    "use_pooling": True, "max_pool_size": 32},
    }
}

#: Apache sends the bytes of files that the application names in this header.
SENDFILE_HEADER = "X-Sendfile"

if not INSTANCE.site.EMAIL_HOST:
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(INSTANCE.logs / "mail")

LOGIN_NEEDS_TLS = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# A redirect of everything would break clients that post to /json/ over plain http.
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = 3600
SILENCED_SYSTEM_CHECKS = ["security.W008", "security.W005", "security.W021"]
