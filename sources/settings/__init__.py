"""Settings of the instance that this process belongs to.

``embedded`` serves the django use case, ``production`` dev, test and ops;
``settings.testing`` is named by the test command.
"""

from config import find_instance

if find_instance().usecase == "django":
    from .embedded import *  # noqa: F403
else:
    from .production import *  # noqa: F403
