"""./init: give an instance its first content."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import content, install, server
from .checkout import INSTANCE_EPILOG, add_instance_arguments, choose_instance, command_name
from .console import CommandError, say


def main(arguments: list[str]) -> int:
    options = _parse(arguments)
    instance = choose_instance(options.observatory, options.usecase)
    if instance.usecase == "ops" and not options.yes_this_is_ops:
        raise CommandError(
            f"{instance.name} is an operational server. If its catalogue is really to be"
            f" initialized, add --yes-this-is-ops; to restore a backup use tools/restore_server.")
    passed = _source(options)
    if options.test_user_password_file:
        passed += ["--test-user-password-file", str(_file(options.test_user_password_file))]
    if not install.is_current(instance):
        install.install(instance)
    with server.database_running(instance):
        content.fill(instance, *passed)
    say(f"{instance.name} is ready: {command_name(instance, 'run')} starts it.")
    return 0


def _parse(arguments: list[str]):
    parser = argparse.ArgumentParser(
        prog="./init", formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Fill the catalogue of an instance and make its test user."
        "\nA catalogue that is not empty is only added to, by --cache or --server.",
        epilog=INSTANCE_EPILOG)
    add_instance_arguments(parser)
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--demo", action="store_true", help="demonstration content (default)")
    source.add_argument("--cache", metavar="DIR", help="import the CRDS cache in DIR")
    source.add_argument("--server", metavar="URL", help="import from a running CRDS server")
    source.add_argument("--empty", action="store_true", help="no content")
    parser.add_argument("--references", choices=("none", "latest", "all"),
                        help="with --server: references to download, not only to know by name"
                        " (default: none)")
    parser.add_argument("--test-user-password-file", metavar="FILE",
                        help="the test user's password (default: a generated one)")
    parser.add_argument("--yes-this-is-ops", action="store_true",
                        help="needed for an operational server")
    return parser.parse_args(arguments)


def _source(options) -> list[str]:
    """Where the content comes from, as arguments of ``manage server_init``."""
    if options.cache is not None:
        folder = Path(options.cache).absolute()
        if not folder.is_dir():
            raise CommandError(f"There is no folder {folder}. --cache names the folder of a CRDS"
                               f" cache, the one that holds mappings/ and config/.")
        return ["--cache", str(folder)]
    if options.server is not None:
        if not options.server.startswith(("http://", "https://")):
            raise CommandError(f"{options.server!r} is no address of a CRDS server; it begins with"
                               f" http:// or https://.")
        return ["--server", options.server, "--references", options.references or "none"]
    return ["--empty"] if options.empty else ["--demo"]


def _file(name: str) -> Path:
    path = Path(name).absolute()
    if not path.is_file():
        raise CommandError(f"There is no file {path} (--test-user-password-file).")
    return path
