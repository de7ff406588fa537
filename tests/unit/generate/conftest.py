"""Locust, imported so that it leaves the test process as it is."""

from __future__ import annotations

import pytest

# Importing Locust replaces sockets, threads and subprocesses of the whole process with gevent's;
# the other tests in this process must not notice. What tests start has no such variable.
with pytest.MonkeyPatch.context() as _patch:
    _patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import locust  # noqa: F401 - imported for its effect, before any test module does
