#!/bin/sh
# Write requirements.lock: every Python package with its hashes, and no address.
# Run it after changing a dependency in pyproject.toml; it needs uv on the PATH. Versions that the
# lock has and that still fit stay as they are; --upgrade takes the newest, --upgrade-package NAME
# that of one package.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
uv pip compile --quiet --universal --group dev --python-version 3.11 --generate-hashes --no-header \
    --no-annotate --output-file requirements.lock "$@" pyproject.toml
