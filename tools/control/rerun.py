"""./rerun: stop, install, run; or reload without losing a request."""

from __future__ import annotations

import argparse

from . import install, processes, run, server
from . import stop as stopping
from .checkout import INSTANCE_EPILOG, add_instance_arguments, choose_instance
from .console import say
from .locks import exclusive


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./rerun", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Stop the instance, install what has changed, start it again."
        "\nThe output of the installation is kept in install.OBS.USE.err.",
        epilog=INSTANCE_EPILOG)
    add_instance_arguments(parser)
    parser.add_argument("--graceful", action="store_true",
                        help="install and reload while requests are served; none is lost")
    options = parser.parse_args(arguments)
    instance = choose_instance(options.observatory, options.usecase)
    up = {service.name for service in server.running(instance)}
    if options.graceful and "web" in up:
        return _reload(instance)
    stopping.stop(instance)
    install.install(instance)
    run.bring_up(instance)
    return 0


def _reload(instance) -> int:
    install.install(instance)
    with exclusive(instance.run / "command.lock", "starting or stopping this instance"):
        server.reload(instance)
        say(f"{instance.name}: the web server runs the new code.")
        worker = server.service(instance, "worker")
        processes.stop(worker.pid_file, worker.patience)
        server.check_stays(worker, server.start(instance, worker))
        say(f"{instance.name}: the worker runs the new code.")
    return 0
