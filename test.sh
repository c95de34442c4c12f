#!/bin/sh
# Checks style, types and behaviour; `sh test.sh --help` lists the options.
set -eu
cd "$(dirname "$0")"
unset PYTHONDONTWRITEBYTECODE  # else every process of the tests compiles everything anew
[ "${1:-}" = "--python" ] && {  # another interpreter has an environment of its own
    [ $# -ge 2 ] || { echo "test.sh: --python takes a version such as 3.13, or the path of an interpreter" >&2; exit 2; }
    case "$2" in [0-9]*) DAWG_PYTHON="python$2" ;; *) DAWG_PYTHON="$2" ;; esac
    DAWG_VENV=".venv-$(basename "$DAWG_PYTHON")"
    export DAWG_PYTHON DAWG_VENV
    "$DAWG_PYTHON" -c pass 2>/dev/null || { echo "test.sh: $DAWG_PYTHON does not run; is it on the PATH?" >&2; exit 2; }
    shift 2
}
sh start.sh --install test
exec "${DAWG_VENV:-.venv}/bin/python" -m tests.run "$@"
