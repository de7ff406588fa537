"""One record of the topic, in the form that all parts of the package use."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

# Records of a batch: enough to make cheap what is done once a batch, few enough for the processor's
# cache (1,000 to 5,000 were tried).
BATCH_RECORDS = 2_000


class Record(NamedTuple):
    """One Kafka record; `append_ms` is the broker's append time, epoch milliseconds."""

    partition: int
    offset: int
    append_ms: int
    value: bytes | None


class RecordBatch(NamedTuple):
    """Records of one partition in offset order, one column a field."""

    partition: int
    offsets: Sequence[int]
    append_ms: Sequence[int]
    values: Sequence[bytes | None]


def batches(records: Iterable[tuple[int, int, int, bytes | None]]) -> Iterator[RecordBatch]:
    """Yield records in batches; those of one partition stay in their order."""
    left = iter(records)
    while together := list(islice(left, BATCH_RECORDS)):
        for partition in sorted({record[0] for record in together}):
            own = [record for record in together if record[0] == partition]
            _, offsets, append_ms, values = zip(*own, strict=True)
            yield RecordBatch(partition, offsets, append_ms, values)
