"""Settings common to all use cases.  What differs between sites comes from ``config``."""

from __future__ import annotations

from pathlib import Path

from config import find_instance

INSTANCE = find_instance()
SOURCES = Path(__file__).resolve().parent.parent

CRDS_OBSERVATORY = INSTANCE.observatory
CRDS_USECASE = INSTANCE.usecase

SECRET_KEY = INSTANCE.secret("secret_key")
DEBUG = False
ROOT_URLCONF = "urls"
WSGI_APPLICATION = "wsgi.application"
DATABASES = INSTANCE.databases
DATABASE_ROUTERS = ["archive.routers.ArchiveRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "interactive",
    "archive",
    "contents",
    "bestrefs",
    "differences",
    "jobs",
    "jsonapi",
    "jpoll",
    "locking",
    "fileupload",
    "accounts",
    "submissions",
    "deliveries",
    "operations",
    "affected",
    "stats",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "django_tables2",
    "django_filters",
    "django_q",
    "ninja",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "common.middleware.RequestIdMiddleware",
    "stats.middleware.StatsMiddleware",
    "common.middleware.ServiceErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "common.middleware.ContentSecurityPolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [SOURCES / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "common.context.site",
                "accounts.context.account",
            ],
        },
    },
]

LANGUAGE_CODE = "en-us"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DATETIME_FORMAT = "Y-m-d H:i:s"
DATE_FORMAT = "Y-m-d"

STATIC_URL = "static/"
STATIC_ROOT = INSTANCE.static
STATICFILES_DIRS = [SOURCES / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = INSTANCE.uploads
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
AUTHENTICATION_BACKENDS = ["accounts.backends.TokenBackend", "accounts.backends.PasswordBackend"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
#: Whether passwords are taken over encrypted connections only (or a trusted proxy's word for it).
LOGIN_NEEDS_TLS = False

# Posting every file name of an observatory (crds sync --check-files) takes more than
# Django's 2.5 MB; a thousand headers take more still.
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024 * 1024

#: Gigabytes (1e9 bytes) that a user's upload areas may hold (0: no limit), that uploads leave
#: free on the disk, and days after which an upload that nobody goes on with is removed.
UPLOAD_QUOTA_GB = getattr(INSTANCE.site, "UPLOAD_QUOTA_GB", 500)
UPLOAD_RESERVE_GB = getattr(INSTANCE.site, "UPLOAD_RESERVE_GB", 2)
UPLOAD_KEEP_DAYS = getattr(INSTANCE.site, "UPLOAD_KEEP_DAYS", 7)
#: A file dropped into an ingest folder counts as complete when it was not written for so long.
UPLOAD_SETTLE_SECONDS = 1.0

CSRF_TRUSTED_ORIGINS = list(INSTANCE.site.CSRF_TRUSTED_ORIGINS)
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True

#: Public address, e.g. behind a proxy; empty means the address of each request.
PUBLIC_URL = INSTANCE.site.PUBLIC_URL.rstrip("/")
TRUSTED_PROXIES = list(INSTANCE.site.TRUSTED_PROXIES)

#: Header by which a web server in front is told which file to send; "" means we send it.
SENDFILE_HEADER = ""
#: Folders beside the file cache that links in it may point into.
STORE_ROOTS = [Path(p) for p in INSTANCE.site.STORE_ROOTS]
#: Resident megabytes that loaded contexts may take in one process.
CONTEXT_MEMORY_BUDGET_MB = INSTANCE.site.CONTEXT_MEMORY_BUDGET_MB
#: Names under which pipelines report the context they use.
REMOTE_CONTEXT_KEYS = list(INSTANCE.site.REMOTE_CONTEXT_KEYS) or [
    f"{CRDS_OBSERVATORY}-{use}-pipeline" for use in ("dev", "test", "ops")
]
#: Columns of an existing archive catalogue, or None for our own tables.
ARCHIVE_SCHEMA = INSTANCE.site.ARCHIVE_SCHEMA
#: Whether confirmed files are handed to the archive: "on" or "off".  Site configurations made
#: before there was a choice have none.
ARCHIVING = getattr(INSTANCE.site, "ARCHIVING", "on" if CRDS_USECASE in ("test", "ops") else "off")
#: Hours after which a delivery that the archive has not taken is reported.
ARCHIVE_STUCK_HOURS = getattr(INSTANCE.site, "ARCHIVE_STUCK_HOURS", 24)
#: Who hears of deliveries and changed contexts.
DELIVERY_RECIPIENTS = list(INSTANCE.site.DELIVERY_RECIPIENTS)
#: Days after which submitters are reminded of results that wait for a decision, and after which
#: these submissions are cancelled.
SUBMISSION_REMIND_DAYS = getattr(INSTANCE.site, "SUBMISSION_REMIND_DAYS", 7)
SUBMISSION_EXPIRE_DAYS = getattr(INSTANCE.site, "SUBMISSION_EXPIRE_DAYS", 60)
#: Ids or headers that one call may ask for; announced in server_info.
MAX_IDS_PER_RPC = 1000

#: Sign-in by OpenID Connect, off while there is no issuer; files written before it existed have
#: none of these names.
OIDC_ISSUER = getattr(INSTANCE.site, "OIDC_ISSUER", "")
OIDC_CLIENT_ID = getattr(INSTANCE.site, "OIDC_CLIENT_ID", "")
OIDC_CLIENT_SECRET_FILE = getattr(INSTANCE.site, "OIDC_CLIENT_SECRET_FILE", "")
OIDC_NAME = getattr(INSTANCE.site, "OIDC_NAME", "") or "single sign-on"
#: Hours that a lock lasts without a request of its owner.
LOCK_HOURS = getattr(INSTANCE.site, "LOCK_HOURS", 4)

EMAIL_SUBJECT_PREFIX = f"[CRDS {CRDS_OBSERVATORY} {CRDS_USECASE}] "
DEFAULT_FROM_EMAIL = INSTANCE.site.DEFAULT_FROM_EMAIL
SERVER_EMAIL = DEFAULT_FROM_EMAIL
EMAIL_HOST = INSTANCE.site.EMAIL_HOST
EMAIL_PORT = INSTANCE.site.EMAIL_PORT

#: Who receives the datasets that a change of context affects.
CRDS_AFFECTED_DATASETS_RECIPIENTS = list(INSTANCE.site.CRDS_AFFECTED_DATASETS_RECIPIENTS)

STATS_FLUSH_SECONDS = INSTANCE.site.STATS_FLUSH_SECONDS
STATS_KEEP_DAYS = INSTANCE.site.STATS_KEEP_DAYS

Q_CLUSTER = {
    "name": INSTANCE.name,
    "orm": "default",
    # Jobs side by side, of all lanes (see jobs/lanes.py).
    "workers": 4,
    # Longer than any job may take: a dead worker is noticed by the lease of the job itself.
    "timeout": 24 * 3600,
    "retry": 25 * 3600,
    "max_attempts": 1,
    "poll": 0.5,
    # Seconds between writes of the queue's own state into the shared cache.
    "guard_cycle": 2,
    "save_limit": 1000,
    "catch_up": False,
    "label": "Queue",
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "common.middleware.RequestIdFilter"}},
    "formatters": {
        "line": {
            "format": "{asctime} {levelname} {name} [{request_id}] {message}",
            "style": "{",
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request_id"],
        }
    },
    "root": {"handlers": ["console"], "level": "INFO"},
}
