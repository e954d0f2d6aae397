"""Settings of the instance that this process belongs to.

``embedded`` serves the django use case, ``production`` dev, test and ops;
``settings.testing`` is named by the test command.
"""

import os

if os.environ.get("DJANGO_SETTINGS_MODULE") == "settings.testing":
    from . import scratch

    scratch.prepare()

from config import find_instance

if find_instance().usecase == "django":
    from .embedded import *  # noqa: F403
else:
    from .production import *  # noqa: F403
