"""`python -m dawg_server`: the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import signal
import socket
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from bus.supervision import SupervisedLoop
from dawg_server import __version__, app, logs, settings
from dawg_server.accounts.recovery import make_link
from dawg_server.database.embedded import EmbeddedPostgres, running_dsn
from dawg_server.database.pool import Database
from dawg_server.errors import ConfigurationError
from dawg_server.platform import open_storage
from handlers.rest import application, site
from handlers.rest.server import HttpRunner
from handlers.sockets.drain import drain

BACKLOG = 1024  # connections that wait to be accepted
WATCH_INTERVAL = 1.0  # seconds between two looks at the embedded Postgres
EXIT_CONFIGURATION = 2
DESCRIPTIONS: dict[str, Callable[[], bytes]] = {
    "openapi": lambda: site.described_api(application.routes()),
    "asyncapi": site.asyncapi,
}

log: structlog.stdlib.BoundLogger = logs.get("main")


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit status: 0 after a clean stop, 1 when the doctor found faults, 2 when it cannot start."""
    options = _options(arguments)
    if describe := DESCRIPTIONS.get(options.command):
        print(describe().decode())  # noqa: T201
        return 0
    try:
        chosen = settings.load()
        logs.configure(
            chosen.log_level, chosen.log_format or ("text" if sys.stdout.isatty() else "json"), chosen.replica
        )
        logs.hide(*chosen.secrets())
        if options.command == "accounts":
            return _reset(chosen, options.arguments[1])
        run = {"serve": _serve, "worker": _work, "doctor": _examine}[options.command]
        return run(chosen)
    except ConfigurationError as error:
        print(f"dawg_server: {error}", file=sys.stderr)  # noqa: T201
        return EXIT_CONFIGURATION


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
    with contextlib.ExitStack() as stack:
        listeners = [stack.enter_context(each) for each in _listening_sockets(chosen)]
        dsn, embedded = stack.enter_context(_database(chosen))
        uvloop.run(_run_server(chosen, dsn, embedded, listeners))
    return 0


def _examine(chosen: settings.Settings) -> int:
    from dawg_server import doctor

    findings = asyncio.run(doctor.examine(chosen, open_storage))
    print(doctor.report(findings))  # noqa: T201
    return 0 if doctor.healthy(findings) else 1


def _reset(chosen: settings.Settings, email: str) -> int:
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
    dsn = chosen.database_url or running_dsn(chosen.data_dir / "postgres")
    if dsn is None:
        raise ConfigurationError(
            "A database is needed that runs: set DATABASE_URL, or start the server on this machine first."
        )
    return dsn


def _work(chosen: settings.Settings) -> int:
    dsn = _running_database(chosen)
    if not chosen.redis_adapter:
        log.warning(
            "Without WEBSOCKET_REDIS_ADAPTER no socket hears of this worker's progress.", action="worker_unheard"
        )
    uvloop.run(_run_worker(chosen, dsn))
    return 0


async def _run_server(
    chosen: settings.Settings, dsn: str, embedded: EmbeddedPostgres | None, listeners: list[socket.socket]
) -> None:
    stop = _stop_on_signal()
    async with app.services(chosen, dsn) as parts, app.api(parts) as (application, sockets), _watch(embedded):
        runner = HttpRunner(application, access_log=None, shutdown_timeout=chosen.drain_seconds)
        try:
            await runner.setup()
            sites = [web.SockSite(runner, listener, backlog=BACKLOG) for listener in listeners]
            for site in sites:
                await site.start()
            app.start_jobs(parts, alone=embedded is not None)
            _greet(chosen)
            _warn(chosen)
            parts.assistants.brain.claude.warm()
            await stop.wait()
            log.info("The server stops: no new work, running work may finish.", action="draining")
            begun = time.monotonic()
            await asyncio.gather(drain(sockets, parts), parts.jobs.queue.stop())
            for site in sites:
                await site.stop()
            # Behind a balancer, which takes the next replica from now on, what has come in already is still answered.
            parts.platform.lifecycle.draining = not parts.platform.replicas.others
            await parts.assistants.voice.close()
            await parts.assistants.brain.drain(max(0.0, chosen.drain_seconds - (time.monotonic() - begun)))
            await sockets.close()
        finally:
            await runner.cleanup()
    log.info("The server has stopped.", action="stopped")


async def _run_worker(chosen: settings.Settings, dsn: str) -> None:
    stop = _stop_on_signal()
    async with app.services(chosen, dsn) as parts:
        app.start_jobs(parts, alone=False)
        log.info("This worker takes jobs.", action="worker_started")
        _warn(chosen)
        await stop.wait()
        await parts.jobs.queue.stop()
    log.info("The worker has stopped.", action="stopped")


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def _listening_sockets(chosen: settings.Settings) -> list[socket.socket]:
    """Bound before anything else starts, so that a taken port is told at once; they accept when the server is ready.

    An address of a family that this machine does not have is left out when there is another one.
    """
    bound: list[socket.socket] = []
    missing: OSError | None = None
    for host in chosen.hosts:
        try:
            bound += _bind(host, chosen.port)
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise ConfigurationError(
                    f"Port {chosen.port} cannot be used ({error.strerror}): stop what uses it, or set PORT to another "
                    "one."
                ) from None
            missing = error
    if not bound:
        raise ConfigurationError(f"HOST cannot be listened on ({missing and missing.strerror}): {chosen.hosts[0]}.")
    return bound


def _bind(host: str, port: int) -> list[socket.socket]:
    if host in ("", "::") and socket.has_dualstack_ipv6():
        return [socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=BACKLOG)]
    found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)  # noqa: S104
    targets = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return [socket.create_server(address, family=family, backlog=BACKLOG) for family, address in targets]


@contextlib.contextmanager
def _database(chosen: settings.Settings) -> Iterator[tuple[str, EmbeddedPostgres | None]]:
    if chosen.database_url:
        yield chosen.database_url, None
        return
    embedded = EmbeddedPostgres(chosen.data_dir / "postgres")
    try:
        yield embedded.start(), embedded
    finally:
        embedded.stop()


@contextlib.asynccontextmanager
async def _watch(embedded: EmbeddedPostgres | None) -> AsyncIterator[None]:
    """Brings the embedded Postgres back when somebody has killed it."""

    if embedded is None:
        yield
        return

    async def look() -> None:
        embedded.start()  # on this thread, because Postgres dies with the one that starts it

    watch = SupervisedLoop("postgres-watch", look, doing="Starting the embedded database", interval=WATCH_INTERVAL)
    watch.start()
    try:
        yield
    finally:
        await watch.close()


def _greet(chosen: settings.Settings) -> None:
    base = chosen.link_base or f"http://localhost:{chosen.port}"
    log.info("The server listens.", action="listening", port=chosen.port, url=base)
    calls = ("\n" + " " * 24).join(_calls(chosen, base))
    text = f"""
        DAWG {__version__} is ready. Open {base}

          From a terminal, a beat and its result:
                        {calls}
          The API       {base}/docs and {base}/docs/sockets
          What works    {base}/health
          Files, data   {Path(chosen.data_dir).resolve()}
          Settings      sh start.sh --help

        Ctrl-C stops it."""
    print(textwrap.dedent(text), file=sys.stderr)  # noqa: T201


def _calls(chosen: settings.Settings, base: str) -> Iterator[str]:
    json, bearer = "-H 'Content-Type: application/json'", ""
    if chosen.secured:
        bearer = "-H 'Authorization: Bearer <token>' "
        if chosen.jwt_secret:
            yield f"curl -X POST {base}/api/auth/register {json} \\"
            yield """     -d '{"email":"you@example.com","password":"<8 characters or more>"}'   (answers the token)"""
        else:
            yield "(with a token of your sign-in service, JWT_JWKS_URL)"
    yield f"curl -X POST {base}/api/generate/beat {bearer}{json} \\"
    yield """     -d '{"genre":"lo-fi","duration":20}'"""
    yield f"curl {bearer}{base}/api/generate/result/<jobId>      (open audioUrl in a browser)"


def _warn(chosen: settings.Settings) -> None:
    if not chosen.secured:
        where = chosen.exposed or "only this machine can reach it"
        log.warning(
            f"Development mode: whoever calls is believed to be who they say they are, and {where}. To let others in "
            "set JWT_SECRET (`openssl rand -hex 32`); for a phone on your own network ALLOW_DEVELOPMENT_MODE=true and "
            "HOST will do.",
            action="development_mode",
        )
    if chosen.files_apart:
        log.warning(
            "Files of one replica are not seen by the others: set AWS_S3_BUCKET, or have them share DATA_DIR.",
            action="files_not_shared",
        )


if __name__ == "__main__":
    sys.exit(main())
