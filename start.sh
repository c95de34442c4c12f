#!/bin/sh
# Starts DAWG's server. Sets everything up first where that is still to be done; needs Python 3.11, 3.12 or 3.13.
set -eu
cd "$(dirname "$0")"
venv="${DAWG_VENV:-.venv}"

usage() {
    cat <<'TEXT'
sh start.sh               start the server (port: BACKEND_PORT, else PORT, else 3001)
sh start.sh worker        start a process that only runs jobs
sh start.sh doctor        check settings and dependencies, and say what to fix
sh start.sh --help        this text, and every setting
sh start.sh --install     only set up; --install test: with what the tests need

The first start makes .venv and installs what is pinned in constraints.txt; later starts take about a second. The pages
are built from studio/ meanwhile, once (with Node from the PATH, else from PyPI); studio/build.log says how that went.
TEXT
}

# 3.11 first, because the whole suite runs on it.
find_python() {
    for candidate in ${DAWG_PYTHON:-} python3.11 python3.12 python3.13 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "start.sh: Python 3.11, 3.12 or 3.13 is needed; install one of them and start again." >&2
    exit 2
}

# True when this Python has the dependencies already, as in a container.
has_dependencies() {
    "$1" - <<'CODE' 2>/dev/null
import sys
from importlib.metadata import version
from importlib.util import find_spec
version("python-socketio")
sys.exit(any(find_spec(name) is None for name in ("aiohttp", "socketio", "procrastinate", "psycopg2", "soundfile", "av")))
CODE
}

# Makes the virtual environment and installs into it what is missing: the server, and with "test" what its tests need.
# What is there for exactly these requirements is not installed again.
install() {
    wanted="$(cat setup.cfg setup.py constraints.txt | cksum)"
    if [ "$(cat "$venv/installed" 2>/dev/null)" != "$wanted" ]; then
        python="$(find_python)"
        if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
            echo "Making a virtual environment in $venv …" >&2
            rm -rf "$venv"
            "$python" -m venv "$venv" || {
                echo "start.sh: no virtual environment could be made; on Debian and Ubuntu: apt install python3-venv" >&2
                rm -rf "$venv"
                exit 2
            }
        fi
        echo "Installing what is pinned in constraints.txt; this happens once and takes about a minute …" >&2
        if [ "$1" = test ]; then pip_install --editable ".[test]"; else pip_install --editable .; fi
        rm -f "$venv/installed-test"
        echo "$wanted" > "$venv/installed"
        [ "$1" = test ] && echo "$wanted" > "$venv/installed-test"
    fi
    if [ "$1" = test ] && [ "$(cat "$venv/installed-test" 2>/dev/null)" != "$wanted" ]; then
        echo "Installing what the tests need besides …" >&2
        "$venv/bin/python" - > "$venv/test-requirements" <<'CODE'
from importlib.metadata import requires
print(*(line.partition(";")[0] for line in requires("dawg-server") if 'extra == "test"' in line), sep="\n")
CODE
        pip_install --requirement "$venv/test-requirements"
        echo "$wanted" > "$venv/installed-test"
    fi
}

# Builds the pages beside everything else: the server starts without them and serves them once they are there.
build_studio() {
    [ -f studio/build.py ] || return 0 # an image has them already
    (nice "$1" studio/build.py > studio/build.log 2>&1 < /dev/null &)
}

pip_install() {
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$@" || {
        echo "start.sh: the installation failed; see above. A network is needed for the first start." >&2
        exit 2
    }
}

case "${1:-}" in
    -h | --help)
        usage
        [ -x "$venv/bin/python" ] && [ -f "$venv/installed" ] && { echo; exec "$venv/bin/python" -m dawg_server --help; }
        exit 0
        ;;
    --install)
        install "${2:-}"
        # Tests build it when they need it; the server starts without it.
        [ "${2:-}" = test ] || [ ! -f studio/build.py ] || "$venv/bin/python" studio/build.py || true
        exit 0
        ;;
esac

case "${1:-serve}" in serve) python="$(find_python 2>/dev/null)" && build_studio "$python" ;; esac

export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-2}" # without it, glibc keeps far more memory than the server uses

if [ ! -d "$venv" ] && python3 -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && has_dependencies python3; then
    exec python3 -m dawg_server "$@"
fi
install ""
exec "$venv/bin/python" -m dawg_server "$@"
