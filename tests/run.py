"""The test command: style, types and behaviour, side by side. `sh test.sh` makes the environment and calls this."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PROJECT = Path(__file__).parents[1]
CHECKS = {
    "style": ("ruff", "check", "."),
    "layout": ("ruff", "format", "--check", "."),
    "types": ("mypy",),
}
# One process more than there are cores: tests wait for sockets, other processes and timers a good part of their time.
WHOLE_SUITE = ("--numprocesses", str((os.cpu_count() or 1) + 1), "--dist", "worksteal", "--durations", "10")
BUSY = "while True: pass"
# Unless the environment says otherwise.
LONG = {"FUZZ_EXAMPLES": "12", "EDITORS_SECONDS": "30", "WRONG_PAYLOADS": "10000"}


def main(arguments: Sequence[str]) -> int:
    options, for_pytest = _parser().parse_known_args(arguments)
    # Whoever names tests wants these and nothing else; the endurance runs are left out unless they are meant.
    whole = not for_pytest
    chosen = [*(WHOLE_SUITE if whole else for_pytest)]
    if options.long:
        os.environ.update(LONG | os.environ)
    elif whole:
        chosen += ["-m", "not long"]
    with _busy_cores() if options.busy else contextlib.nullcontext():
        for number in range(1, options.repeat + 1):
            started = time.monotonic()
            status = _round(chosen, checks=whole)
            if options.repeat > 1:
                said = "passed" if status == 0 else "failed"
                print(f"run {number} of {options.repeat} {said} in {time.monotonic() - started:.0f} s", flush=True)
            if status:
                return status
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="sh test.sh",
        description="Checks style, types and behaviour.",
        epilog="Everything else goes to pytest, which then runs alone: sh test.sh -k beat",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--long", action="store_true", help="with the endurance runs: whole clusters, long songs, big fuzz"
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="N runs, until one fails")
    parser.add_argument("--busy", action="store_true", help="keep every core busy with something else meanwhile")
    parser.add_argument("--python", metavar="3.13", help="with another interpreter; has to come first")
    return parser


def _round(pytest_arguments: Sequence[str], *, checks: bool) -> int:
    """Runs the checks beside pytest, whose output comes first. The status of the first that failed."""
    running = {name: _start(*command) for name, command in CHECKS.items()} if checks else {}
    status = subprocess.call([sys.executable, "-m", "pytest", *pytest_arguments], cwd=PROJECT)
    for name, check in running.items():
        said, _ = check.communicate()
        if check.returncode:
            print(f"{name}:\n{said}", flush=True)
            status = status or check.returncode
        else:
            print(f"{name}: {said.strip().splitlines()[-1]}", flush=True)
    return status


def _start(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command], cwd=PROJECT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


@contextlib.contextmanager
def _busy_cores() -> Iterator[None]:
    """One process a core that computes without end, at the same priority as the tests."""
    processes = [subprocess.Popen([sys.executable, "-c", BUSY]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
