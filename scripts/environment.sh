# Sourced by scripts/quickstart and scripts/test: builds .venv from pyproject.toml with nothing but
# Python, once, and again when pyproject.toml changes.

prepare_environment() {
    local extra=$1 stamp began=$SECONDS
    stamp=".venv/.built-$extra-$(cksum pyproject.toml | cut -d' ' -f1)"
    if [[ -e "$stamp" ]]; then
        return
    fi
    local python
    python=$(command -v "${PYTHON:-python3}") || {
        echo "Python 3.11 or newer is needed and no python3 was found. Install it, or name it: PYTHON=/path/to/python3 $0" >&2
        exit 1
    }
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        echo "Python 3.11 or newer is needed, $python is $("$python" -V). Name another: PYTHON=/path/to/python3 $0" >&2
        exit 1
    }
    echo "== Building .venv from pyproject.toml (once; torch alone is a few gigabytes)"
    "$python" -m venv .venv
    .venv/bin/python -m pip install --quiet --editable ".[$extra]"
    touch "$stamp"
    echo "   installation: $((SECONDS - began)) s"
}
