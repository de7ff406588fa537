"""Helpers of the tests of the verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from spaf.sale import Record, Rules
from spaf.verify import Detection
from spaf.verify.dump import Dump, DumpHeader

RULES = Rules(default_currency="BRL", max_lateness_ms=10_000, max_ahead_ms=1_000)


@pytest.fixture
def dumped(tmp_path: Path) -> Callable[[Sequence[Record], Detection], Dump]:
    """Return a function that writes records to a dump, seven of a partition to a file."""

    def write(records: Sequence[Record], detection: Detection) -> Dump:
        dump = Dump(tmp_path / f"dump-{len(list(tmp_path.iterdir()))}")
        dump.create()
        ends: dict[int, int] = {}
        for partition in sorted({record.partition for record in records}):
            own = [record for record in records if record.partition == partition]
            ends[partition] = own[-1].offset + 1
            for first in range(0, len(own), 7):
                dump.write(partition, own[first].offset, own[first : first + 7])
        dump.write_header(DumpHeader("t", {}, ends, RULES, detection))
        return dump

    return write
