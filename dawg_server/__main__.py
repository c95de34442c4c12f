"""`python -m dawg_server`: the command line.

What a command needs is imported when it runs: help and settings that are wrong are answered at once.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import sys

from dawg_server import __version__, settings
from dawg_server.errors import ConfigurationError

EXIT_CONFIGURATION = 2
EXIT_PIPE = 141  # 128 + SIGPIPE: what a shell says of other tools whose reader has gone
DESCRIPTIONS = ("openapi", "asyncapi")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 after a clean stop, 1 when the doctor found faults, 2 when it cannot start."""
    try:
        try:
            return _run(_options(arguments))
        finally:
            sys.stdout.flush()
    except ConfigurationError as error:
        print(f"dawg_server: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION
    except BrokenPipeError:  # whoever read what is printed has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE


def _run(options: argparse.Namespace) -> int:
    gc.disable()  # what is imported and built now is no garbage, and looking for some would take a fifth of the start
    if options.command in DESCRIPTIONS:
        return _describe(options.command)
    chosen = settings.load()
    from dawg_server import logs

    logs.configure(chosen.log_level, chosen.log_format or ("text" if sys.stdout.isatty() else "json"), chosen.replica)
    logs.hide(*chosen.secrets())
    if options.command == "accounts":
        return _reset(chosen, options.arguments[1])
    return {"serve": _serve, "worker": _work, "doctor": _examine}[options.command](chosen)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = _parser()
    options = parser.parse_args(arguments)
    words = options.arguments
    if options.command == "accounts":
        if len(words) != 2 or words[0] != "reset":
            parser.error("accounts reset <e-mail address>")
    elif words:
        parser.error(f"{options.command} takes no arguments")
    return options


def _parser() -> argparse.ArgumentParser:
    width = max(len(name) for name, _, _ in settings.describe())
    variables = "\n".join(
        f"  {name:<{width}}  {help}{f' (default: {default})' if default else ''}"
        for name, default, help in settings.describe()
    )
    parser = argparse.ArgumentParser(
        prog="python -m dawg_server",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"DAWG's server {__version__}: REST, Socket.IO, music generation. It needs no settings to start.",
        epilog=f"environment variables:\n{variables}\n\nAddresses: /docs (the API), /health (what works).",
    )
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=("serve", "worker", "doctor", "accounts", *DESCRIPTIONS),
        help="serve (the default): the whole server; worker: only runs jobs, for a machine beside the server; "
        "doctor: checks settings and dependencies and says what to fix; accounts reset ADDRESS: prints a link that "
        "sets a new password; openapi, asyncapi: prints that description",
    )
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    return parser


def _serve(chosen: settings.Settings) -> int:
    if chosen.exposed and not chosen.allow_development:
        raise ConfigurationError(
            f"Without sign-in everybody can be anybody, and {chosen.exposed}: set JWT_SECRET (`openssl rand -hex 32`) "
            "or JWT_JWKS_URL, or ALLOW_DEVELOPMENT_MODE=true if that is meant."
        )
    from dawg_server.listeners import listening, raise_open_files

    raise_open_files()
    with contextlib.ExitStack() as stack:
        # Bound before anything else starts, so that a taken port is told at once.
        listeners = [stack.enter_context(each) for each in listening(chosen.hosts, chosen.port)]
        from dawg_server import serving

        serving.serve(chosen, listeners)
    return 0


def _examine(chosen: settings.Settings) -> int:
    from dawg_server import doctor
    from dawg_server.platform import open_storage

    findings = asyncio.run(doctor.examine(chosen, open_storage))
    print(doctor.report(findings))  # noqa: T201
    return 0 if doctor.healthy(findings) else 1


def _reset(chosen: settings.Settings, email: str) -> int:
    from dawg_server.accounts.recovery import make_link
    from dawg_server.database.pool import Database

    async def make() -> str | None:
        database = await Database.open(_running_database(chosen), size=1)
        try:
            return await make_link(database, chosen.page, email)
        finally:
            await database.close()

    link = asyncio.run(make())
    if link is None:
        print(f"{email} has no account with a password here.", file=sys.stderr)  # noqa: T201
        return 1
    print(link)  # noqa: T201
    return 0


def _running_database(chosen: settings.Settings) -> str:
    from dawg_server.database.embedded import running_dsn

    dsn = chosen.database_url or running_dsn(chosen.data_dir / "postgres")
    if dsn is None:
        raise ConfigurationError(
            "A database is needed that runs: set DATABASE_URL, or start the server on this machine first."
        )
    return dsn


def _work(chosen: settings.Settings) -> int:
    dsn = _running_database(chosen)
    from dawg_server import serving

    serving.work(chosen, dsn)
    return 0


def _describe(command: str) -> int:
    from handlers.rest import application, site

    described = site.described_api(application.routes()) if command == "openapi" else site.asyncapi()
    print(described.decode())  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
