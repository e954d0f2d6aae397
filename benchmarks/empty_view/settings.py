"""Settings of the instance, with the addresses of :mod:`empty_view.urls`."""

from settings import *  # noqa: F403

ROOT_URLCONF = "empty_view.urls"
