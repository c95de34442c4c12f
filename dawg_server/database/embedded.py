"""A Postgres of our own, for everybody who has not set DATABASE_URL: it starts, lives and dies with the server.

It listens on a Unix socket in a private folder and on no network port, so only this account can reach it. Layout of
the folder: `cluster/` is the data, `lock` is held while a server uses it, `sockets` names the folder of the socket
(which is elsewhere, because a socket's path must be short), `postgres.log` tells about the last start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
from pathlib import Path

from dawg_server import errors
from dawg_server.database import binaries

LOCK_PATIENCE = 1.0  # seconds; children of a server that was just killed may hold the lock a little longer
INITDB_TIMEOUT = 60.0  # seconds
START_TIMEOUT = 60.0  # seconds; recovery after a crash replays at most max_wal_size
STOP_TIMEOUT = 10.0  # seconds, then SIGKILL, which costs a recovery but no rows
POLL_INTERVAL = 0.005  # seconds
MAX_SOCKET_FOLDER = 80  # bytes; a socket's whole path has room for 103 to 107
SOCKETS_FILE = "sockets"
SOCKET_FOLDER_PREFIX = "dawg-postgres-"
# Lines of postmaster.pid, see src/include/utils/pidfile.h in Postgres.
PID_LINE, STATUS_LINE = 0, 7

# Small and quiet. What makes a commit durable (fsync, synchronous_commit) stays as it comes.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",  # only part of the socket's name
    "max_connections": "60",
    "shared_buffers": "16MB",
    "wal_buffers": "1MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "256MB",
    "min_wal_size": "16MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_worker_processes": "0",
    "max_parallel_workers": "0",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "1",
    "jit": "off",
    "huge_pages": "off",
    # What clients do wrong is reported to them; this log must neither grow nor hold their data.
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}
_SETTINGS_SINCE_18 = {"io_method": "sync"}  # the default starts three processes more
_SETTINGS_ON_LINUX = {"recovery_init_sync_method": "syncfs"}  # after a crash: one flush instead of a thousand


class EmbeddedPostgres:
    """One cluster in `folder`. After `kill -9` of us or of Postgres the next `start()` needs no help."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._cluster = self._folder / "cluster"
        self._log = self._folder / "postgres.log"
        self._lock: int | None = None  # file descriptor
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = _socket_folder()  # the same for every start, so that a pool finds a restarted Postgres

    def start(self) -> str:
        """Blocks until Postgres takes connections and returns its DSN, the same one at every start of this object.

        Costs nothing while Postgres runs, and brings it back when it was killed. Must run in the main thread, because
        Postgres dies with the thread that started it. Raises `errors.ConfigurationError` with one sentence.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("An embedded Postgres dies with the thread that starts it: start it in the main thread.")
        if self._process is not None and self._process.poll() is None:
            return _dsn(self._sockets)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._end_leftover()
            installation = binaries.find(self._major())
            _give(self._folder, installation.owner)
            if not self._cluster.exists():
                self._create(installation)
            return self._launch(installation)
        except OSError as error:
            self.stop()
            raise errors.ConfigurationError(f"The embedded database cannot start: {error}.") from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends Postgres cleanly within `STOP_TIMEOUT`, else by force. Harmless when it does not run."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast shutdown": ends sessions, then writes a checkpoint
            try:
                self._process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_TIMEOUT)
            self._process = None
        shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE
        while not _try_lock(lock, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                os.close(lock)
                raise errors.ConfigurationError(
                    f"Another server is using the embedded database in {self._folder}; stop it, or give this one"
                    " a DATA_DIR or a DATABASE_URL of its own."
                )
            time.sleep(POLL_INTERVAL)
        self._lock = lock

    def _end_leftover(self) -> None:
        """Waits for the Postgres of a server that was killed; nobody else can have one here, for we hold the lock."""
        pid = _recorded_pid(self._cluster)
        if pid is not None:
            _end(pid, self._cluster)
        if pid is None or _is_alive(pid):
            # Cut off in the middle, or the number belongs to another program by now: Postgres would refuse to start.
            (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            sockets = Path((self._folder / SOCKETS_FILE).read_text())
            if sockets.name.startswith(SOCKET_FOLDER_PREFIX):
                shutil.rmtree(sockets, ignore_errors=True)

    def _major(self) -> int | None:
        try:
            return int((self._cluster / "PG_VERSION").read_text())
        except FileNotFoundError:
            return None

    def _create(self, installation: binaries.Installation) -> None:
        # Renamed when it is whole, so a crash in between leaves no half cluster. The name is new each time, because an
        # initdb whose server was killed may still be removing its own.
        for leftover in self._folder.glob("cluster.new-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        unfinished = self._folder / f"cluster.new-{secrets.token_hex(4)}"
        arguments = ["-D", str(unfinished), "-A", "trust", "-U", "postgres", "-E", "UTF8", "--wal-segsize=4"]
        if installation.major >= 17:  # a locale that every machine has, and one flush instead of a thousand
            arguments += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
            arguments += ["--sync-method=syncfs"] if sys.platform == "linux" else []
        else:
            arguments += ["--locale=C.UTF-8"]
        with self._log.open("wb") as log:
            process = installation.spawn("initdb", *arguments, output=log)
        try:
            status = process.wait(INITDB_TIMEOUT)
        except subprocess.TimeoutExpired:
            status = -1
        finally:
            process.kill()
            process.wait()
        if status != 0:
            raise self._failure("cannot be created")
        unfinished.rename(self._cluster)

    def _launch(self, installation: binaries.Installation) -> str:
        (self._folder / SOCKETS_FILE).write_text(str(self._sockets))
        self._sockets.mkdir(mode=0o700)
        _give(self._sockets, installation.owner)
        settings = _SETTINGS | (_SETTINGS_SINCE_18 if installation.major >= 18 else {})
        settings |= _SETTINGS_ON_LINUX if sys.platform == "linux" else {}
        settings["unix_socket_directories"] = f'"{self._sockets}"'
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            with self._log.open("wb") as log:
                process = installation.spawn("postgres", "-D", str(self._cluster), *arguments, output=log)
            self._process = process
            while process.poll() is None and time.monotonic() < deadline:
                if _is_ready(self._cluster, process.pid):
                    return _dsn(self._sockets)
                time.sleep(POLL_INTERVAL)
            # Sessions of a Postgres that was killed take a moment to notice; until then it refuses to start.
            if process.poll() is None or "still in use" not in self._log.read_text(errors="replace"):
                raise self._failure("does not start")
            time.sleep(20 * POLL_INTERVAL)

    def _failure(self, what: str) -> errors.ConfigurationError:
        lines = [line for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        reasons = [line for line in lines if "FATAL" in line or "error" in line] or lines or ["it says nothing"]
        return errors.ConfigurationError(
            f"The embedded database in {self._folder} {what} ({reasons[-1]}); correct that, or set DATABASE_URL."
        )


def running_dsn(folder: Path) -> str | None:
    """The DSN of the embedded Postgres that another process of this machine runs in `folder`, or None."""
    folder = folder.absolute()
    try:
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try_lock(lock, fcntl.LOCK_SH):  # free: whoever wrote postmaster.pid is gone
            return None
    finally:
        os.close(lock)
    recorded = _read_pid_file(folder / "cluster")
    if len(recorded) <= STATUS_LINE or recorded[STATUS_LINE] != "ready":
        return None
    return _dsn(Path((folder / SOCKETS_FILE).read_text()))


def _dsn(sockets: Path) -> str:
    return f"postgresql://postgres@/postgres?host={urllib.parse.quote(str(sockets), safe='')}"


def _socket_folder() -> Path:
    name = f"{SOCKET_FOLDER_PREFIX}{secrets.token_hex(4)}"
    base = tempfile.gettempdir()
    too_long = len(os.fsencode(base)) + 1 + len(name) > MAX_SOCKET_FOLDER
    return Path("/tmp" if too_long else base) / name  # noqa: S108 - made with mode 0700, and refused if it exists


def _give(folder: Path, owner: int) -> None:
    """Makes `owner` own everything in `folder`; another one did where namespaces are allowed and now are not."""
    if folder.stat().st_uid == owner:
        return
    for path in (*folder.rglob("*"), folder):  # the folder last: it says that the work is done
        os.chown(path, owner, owner, follow_symlinks=False)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_pid_file(cluster: Path) -> list[str]:
    try:
        return [line.strip() for line in (cluster / "postmaster.pid").read_text().splitlines()]
    except FileNotFoundError:
        return []


def _recorded_pid(cluster: Path) -> int | None:
    lines = _read_pid_file(cluster)
    return int(lines[PID_LINE]) if lines and lines[PID_LINE].isdigit() else None


def _is_ready(cluster: Path, pid: int) -> bool:
    lines = _read_pid_file(cluster)
    return len(lines) > STATUS_LINE and lines[STATUS_LINE] == "ready" and lines[PID_LINE] == str(pid)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, cluster: Path) -> bool:
    """Whether process `pid` is the Postgres of `cluster`; false for one that has ended but was not yet collected."""
    if sys.platform == "linux":
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
    else:
        ps = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
        arguments = subprocess.run(ps, capture_output=True, check=False, timeout=STOP_TIMEOUT).stdout
    return os.fsencode(cluster) in arguments


def _end(pid: int, cluster: Path) -> None:
    for number in (signal.SIGINT, signal.SIGKILL):
        if not _serves(pid, cluster):
            return
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_TIMEOUT
        while _serves(pid, cluster) and time.monotonic() < deadline:
            time.sleep(POLL_INTERVAL)
