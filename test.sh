#!/bin/sh
# Checks style, types and behaviour. Arguments go to pytest: `sh test.sh -k name` runs only those tests.
set -eu
cd "$(dirname "$0")"
unset PYTHONDONTWRITEBYTECODE  # else every process of the tests compiles everything anew
sh start.sh --install test
python=.venv/bin/python
if [ $# -eq 0 ]; then
    "$python" -m ruff check .
    "$python" -m ruff format --check .
    "$python" -m mypy
    set -- --numprocesses auto --dist worksteal
fi
exec "$python" -m pytest "$@"
