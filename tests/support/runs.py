"""The types of the fixtures that make, feed and verify a run of the integration tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from spaf.settings import Settings
from spaf.stack.run import Run
from spaf.verify import Verdict

Values = Sequence[bytes | None]
# A run with a topic of this many partitions and empty tables.
Own = Callable[[int], Run]
# Appends records to a partition and returns their offsets.
Send = Callable[[Run, int, Values], list[int]]
# Runs the job for a block, from a checkpoint if one is given; the value is its id.
RunJob = Callable[[Run, Settings, Path | None], AbstractContextManager[str]]
# Waits until everything on the topic is in the tables.
Pause = Callable[[Run], None]
# The same, and verifies it.
Settle = Callable[[Run], Verdict]
