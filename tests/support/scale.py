"""How much the tests repeat: `make test-long` sets TEST_LONG."""

from __future__ import annotations

import os

LONG = os.environ.get("TEST_LONG") == "1"


def scaled(usual: int, long: int) -> int:
    """Return a number of examples, seeds or records: `long` for `make test-long`."""
    return long if LONG else usual
