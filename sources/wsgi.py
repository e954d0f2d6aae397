"""WSGI application of the server, wrapped in what must happen before Django looks at the path."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")

from django.core.wsgi import get_wsgi_application  # noqa: E402

from common.paths import PathNormalizer  # noqa: E402
from common.proxies import TrustedProxies  # noqa: E402

application = get_wsgi_application()

from django.conf import settings  # noqa: E402  (configured by the line above)

application = PathNormalizer(application, prefix=f"/{settings.CRDS_OBSERVATORY}")
application = TrustedProxies(application, settings.TRUSTED_PROXIES)
