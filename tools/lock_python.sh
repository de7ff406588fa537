#!/bin/sh
# Write requirements.lock: every Python package with its hashes, and no address.
# Run it after changing a dependency in pyproject.toml; it needs uv on the PATH.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
uv lock --quiet
uv export --quiet --format requirements.txt --all-groups --no-emit-project --no-header \
    --no-annotate --output-file requirements.lock
