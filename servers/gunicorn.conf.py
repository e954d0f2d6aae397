"""The embedded web server (gunicorn) of an instance; ./run starts it with this file.

Loopback only: what faces a network is Apache.  Threads, because a client polls for
messages while its submission is still being answered.
"""

import socket
import sys
from pathlib import Path

_sources = Path(__file__).resolve().parent.parent / "sources"
sys.path.insert(0, str(_sources))

from config import find_instance  # noqa: E402

_instance = find_instance()
_port = _instance.port("CRDS_PORT")


def _has_ipv6_loopback() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


bind = [f"127.0.0.1:{_port}"] + ([f"[::1]:{_port}"] if _has_ipv6_loopback() else [])
wsgi_app = "wsgi:application"
chdir = str(_sources)
proc_name = f"crds {_instance.name}"

worker_class = "gthread"
workers = 2
threads = 8
# Workers are replaced one after the other on HUP; each loads the new code by itself.
preload_app = False

# Seconds without a sign of life from a worker's main thread before it is replaced. Requests
# run in other threads and may take as long as they need (the client waits an hour).
timeout = 300
# A reload lets requests under way finish, downloads over slow lines among them. ./stop does
# not wait as long: it ends what is left after its own time.
graceful_timeout = 3600
keepalive = 5
limit_request_line = 8190

# Leave no temporary file on a slow disk that workers would stall on.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None
# Reloading and stopping go through signals of ./rerun and ./stop alone.
control_socket_disable = True

accesslog = str(_instance.logs / "access.log")
errorlog = str(_instance.logs / "error.log")
loglevel = "info"
# The fields of Apache's combined log, then microseconds and the id that other logs show.
access_log_format = (
    '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(D)s %({x-request-id}o)s'
)
# The application decides which proxies it believes (TRUSTED_PROXIES of the site).
forwarded_allow_ips = ""
