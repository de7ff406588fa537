#!/bin/sh
# Write requirements.lock: every Python package with its hashes, and no address. Its last line names
# the packages that SPAF itself does not need: `setup.py --runtime` leaves them out.
# Run it after changing a dependency in pyproject.toml; it needs uv on the PATH. Versions that the
# lock has and that still fit stay as they are; --upgrade takes the newest, --upgrade-package NAME
# that of one package.
set -eu
unset CDPATH
cd "$(dirname "$0")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

compile() {
    uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate "$@"
}
names() {
    sed -n 's/^\([a-z0-9][a-z0-9-]*\)==.*/\1/p' "$1" | LC_ALL=C sort -u
}

compile --group dev --generate-hashes --output-file requirements.lock "$@" pyproject.toml
# What SPAF and its own build need, in the versions of the lock.
printf '%s\n' hatchling editables >"$scratch/build.in"
cp requirements.lock "$scratch/runtime"
compile --generate-hashes --output-file "$scratch/runtime" pyproject.toml "$scratch/build.in"
names requirements.lock >"$scratch/all"
names "$scratch/runtime" >"$scratch/needed"
printf '# For tests and checks only: %s\n' \
    "$(LC_ALL=C comm -23 "$scratch/all" "$scratch/needed" | paste -sd ' ' -)" >>requirements.lock
