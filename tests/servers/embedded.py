"""A process that runs an embedded Postgres, so that tests can do to it what must not happen to the test itself.

`python -m tests.servers.embedded FOLDER [as-nobody | without-namespaces]` prints the DSN and the pid of Postgres, or
one sentence, as a line of JSON, and ends when its standard input does.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from dawg_server import errors
from dawg_server.database import binaries
from dawg_server.database.embedded import EmbeddedPostgres

PATIENCE = 15.0  # seconds
REPOSITORY = Path(__file__).parents[2]


class Child:
    """The same from the side of a test."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.servers.embedded", str(folder), *options],
            cwd=REPOSITORY,
            env=os.environ | environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=binaries.dies_with_parent(),
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.process.communicate(timeout=PATIENCE)  # closes its input
        finally:
            self.process.kill()
            self.process.wait()

    def report(self) -> dict[str, Any]:
        """Waits for the start: `dsn` and `pid`, or `error`."""
        assert self.process.stdout is not None
        reply: dict[str, Any] = json.loads(self.process.stdout.readline())
        return reply

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)


def _forbid_namespaces() -> None:
    """What container platforms do, done here with a namespace that may have none inside."""
    ready, go = os.pipe(), os.pipe()
    helper = os.fork()
    if helper == 0:  # only a process outside may map more than one uid
        os.read(ready[0], 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{os.getppid()}/{name}").write_text("0 0 4294967295")
        os.write(go[1], b".")
        os._exit(0)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(binaries.CLONE_NEWUSER) != 0:
        return  # they are forbidden already
    os.write(ready[1], b".")
    os.read(go[0], 1)
    os.waitpid(helper, 0)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def main() -> None:
    folder, *options = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the server handles Ctrl-C in its own time
    if "as-nobody" in options and os.geteuid() == 0:
        os.setgroups([])
        os.setgid(binaries.NOBODY)
        os.setuid(binaries.NOBODY)
    if "without-namespaces" in options and os.geteuid() == 0:
        _forbid_namespaces()
    server = EmbeddedPostgres(Path(folder))
    try:
        dsn = server.start()
    except errors.ConfigurationError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    pid = int((Path(folder) / "cluster" / "postmaster.pid").read_text().split()[0])
    print(json.dumps({"dsn": dsn, "pid": pid}), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main()
