"""WSGI application of the server, wrapped in what must happen before Django looks at the path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from common.paths import PathNormalizer
from common.proxies import TrustedProxies

application = get_wsgi_application()
application = PathNormalizer(application, prefix=f"/{settings.CRDS_OBSERVATORY}")
application = TrustedProxies(application, settings.TRUSTED_PROXIES)
