"""./stop: end the processes of an instance, and no others."""

from __future__ import annotations

import argparse

from . import server
from .checkout import INSTANCE_EPILOG, add_instance_arguments, choose_instance
from .console import say
from .locks import exclusive


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="./stop", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Stop the processes of an instance. Jobs and requests under way get some"
        "\nseconds to finish. Nothing running is no error.", epilog=INSTANCE_EPILOG)
    add_instance_arguments(parser)
    options = parser.parse_args(arguments)
    stop(choose_instance(options.observatory, options.usecase))
    return 0


def stop(instance) -> None:
    if not instance.run.is_dir():
        say(f"{instance.name} is not running.")
        return
    with exclusive(instance.run / "command.lock", "starting or stopping this instance"):
        if not server.running(instance):
            server.stop(instance)
            say(f"{instance.name} is not running.")
            return
        for title, how in server.stop(instance).items():
            say(f"{instance.name}: {title} {how}.")
