"""A real Postgres on a TCP port of 127.0.0.1 that stays the same when it is killed and restarted."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psycopg2

from dawg_server.database import binaries
from dawg_server.database.embedded import EmbeddedPostgres

START_TIMEOUT = 30.0  # seconds
STOP_TIMEOUT = 10.0  # seconds


class TcpPostgres:
    """`folder` has to be one that other accounts may enter."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        creator = EmbeddedPostgres(folder)
        creator.start()
        creator.stop()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def dsn(self, hosts: str | None = None) -> str:
        """`hosts`: as in a DSN, with ports; the server's own address when it is not given."""
        return f"postgresql://postgres@{hosts or f'127.0.0.1:{self.port}'}/postgres"

    def start(self) -> str:
        """Blocks until it takes connections; returns its DSN."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "50",
            "shared_buffers": "16MB",
            "fsync": "off",
        }
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                with (self._folder / "tcp.log").open("ab") as log:
                    self._process = binaries.find().spawn(
                        "postgres", "-D", str(self._folder / "cluster"), *arguments, output=log
                    )
            try:
                psycopg2.connect(self.dsn(), connect_timeout=2).close()
            except psycopg2.OperationalError:
                time.sleep(0.02)
            else:
                return self.dsn()
        raise RuntimeError(f"Postgres does not start; see {self._folder / 'tcp.log'}")

    def stop(self) -> None:
        """Ends it in an orderly way: sessions are told."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """Ends it and all its sessions as a power cut would: nobody is told."""
        sessions = _children(self._process.pid) if self._process is not None else []
        self._end(signal.SIGKILL)
        for session in sessions:
            with contextlib.suppress(ProcessLookupError):
                os.kill(session, signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(STOP_TIMEOUT)
            self._process = None


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
