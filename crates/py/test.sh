#!/usr/bin/env bash
# Builds the Python module into a virtual environment (.venv at the root of the repository)
# and runs its tests. Needs Python 3.9 or newer and Rust.
#
#   crates/py/test.sh [PYTEST ARGUMENT...]
#
# PYTHON         interpreter to make the environment with (default: python3)
# VENV           folder of the environment (default: .venv)
# SMOLTRACE_BIN  path of the smoltrace program; without it, tests of the program are skipped
set -euo pipefail

crate=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$crate/../.." && pwd)
venv=${VENV:-$root/.venv}
python=${PYTHON:-python3}

if [[ -n ${SMOLTRACE_BIN:-} ]]; then
    if [[ ! -x $SMOLTRACE_BIN ]]; then
        echo "SMOLTRACE_BIN=$SMOLTRACE_BIN is not a program" >&2
        exit 1
    fi
    SMOLTRACE_BIN=$(cd "$(dirname "$SMOLTRACE_BIN")" && pwd)/$(basename "$SMOLTRACE_BIN")
    export SMOLTRACE_BIN
fi

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 9))'; then
    echo "$python: Python 3.9 or newer is needed; name one with PYTHON=..." >&2
    exit 1
fi

# The environment is made again when it is broken, and filled again when the list changed.
if ! "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    "$python" -m venv --clear "$venv"
fi
wanted=$crate/requirements-test.txt
installed=$venv/requirements-test.txt
if ! cmp -s "$wanted" "$installed"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted"
    cp "$wanted" "$installed"
fi

export VIRTUAL_ENV=$venv PATH=$venv/bin:$PATH
unset CONDA_PREFIX
maturin develop --quiet --profile dev --locked --manifest-path "$crate/Cargo.toml"
cd "$crate"
exec python -m pytest "$@"
