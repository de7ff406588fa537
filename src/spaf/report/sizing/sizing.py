"""How many partitions, tasks, hosts, how much memory, disk and network a rate needs.

Every size is a cost that was measured, multiplied by the rate. What the records do not hold is left
out with its reason, never assumed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, NamedTuple

import msgspec

from spaf.report.sizing.costs import MeasuredCosts, RecordSource
from spaf.report.sizing.limits import Limit, limits

# Part of its highest rate that a task is planned for. The rest catches up: after a stop of a minute
# a task that is 70 % busy is behind for another 0.7 / 0.3 = 2.3 minutes.
PLANNED_SHARE = 0.7
DAY_S = 86_400
# Bits of a byte on the network.
BITS = 8


class SizingRequest(msgspec.Struct, frozen=True):
    """The load and the retention to size a run for."""

    rate: float
    """Sales a second."""
    keep_s: int
    """How long topic and tables keep what they have, seconds."""
    replication: int
    """Copies of the topic."""
    host_cores: int
    """Cores of each host: a TaskManager takes one host, with a slot for each core."""
    categories: int | None = None
    """Categories that sell; without it, those of the record."""
    partitions: int | None = None
    """Partitions of the topic; without it, one for each task."""


class JobSize(msgspec.Struct, frozen=True):
    """The job, one way of running it."""

    mode: str
    tasks: int
    """`job.parallelism`, and the least number of partitions."""
    cores: float
    task_managers: int
    memory_mib: float
    """Of each TaskManager."""
    postgres_cores: float
    """Of PostgreSQL: each task commits on its own."""
    settings: str
    """What this mode sets."""


class KafkaSize(msgspec.Struct, frozen=True):
    """The topic and its brokers."""

    partitions: int
    brokers: int
    cores: float
    disk_gib_per_day: float
    """All copies together."""
    disk_gib: float
    """For the time that is kept, all copies together."""
    mbit_in: float
    """Of each broker: its share of what is sold, and of the copies of what others lead."""
    mbit_out: float


class PostgresSize(msgspec.Struct, frozen=True):
    """The tables; they grow with categories and seconds, not with the sales."""

    rows_per_day: int
    disk_gib_per_day: float | None
    disk_gib: float | None
    wal_gib_per_day: float
    """Written to the write-ahead log at low latency, and not kept."""


class Sizing(msgspec.Struct, frozen=True):
    """The size of a run."""

    request: SizingRequest
    one_machine: bool | None
    """Whether one machine with everything on it holds the rate; None if that was not measured."""
    job: Sequence[JobSize]
    kafka: KafkaSize | None
    postgres: PostgresSize | None
    state_mib: float | None
    """State of the job in a checkpoint, as it was measured; the rate hardly changes it."""
    limits: Sequence[Limit]
    sources: Mapping[str, RecordSource]
    gaps: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the object of `--json`."""
        return dict(msgspec.to_builtins(self))


class TaskCost(NamedTuple):
    """What the job costs in one mode."""

    sale_us: float
    """Processor time of the TaskManager for a sale, µs."""
    memory_mib: float
    """Of the TaskManager that was measured."""
    slots: int
    """Of that TaskManager."""
    postgres_cores: float
    """Of PostgreSQL, for each task."""


def sizing(request: SizingRequest, costs: MeasuredCosts) -> Sizing:
    """Return the size of a run for a rate, from measured costs."""
    job = [*_low_latency(request, costs), *_mini_batches(request, costs)]
    held = costs.one_machine
    return Sizing(
        request=request,
        one_machine=None if held is None else request.rate <= held * PLANNED_SHARE,
        job=job,
        kafka=_kafka(request, costs, min((needed.tasks for needed in job), default=1)),
        postgres=_postgres(request, costs),
        state_mib=costs.state_mib,
        limits=limits(request.rate, costs, PLANNED_SHARE, request.categories),
        sources=costs.sources,
        gaps=costs.gaps,
    )


def _low_latency(request: SizingRequest, costs: MeasuredCosts) -> list[JobSize]:
    """Return the job as it runs by default: each sale is in the tables within milliseconds."""
    sale = costs.sale
    if sale is None:
        return []
    return [
        _job(
            request,
            "low latency",
            sale.sales_per_second,
            TaskCost(sale.taskmanager_us, sale.taskmanager_mib, sale.slots, sale.postgres_cores),
            "the defaults",
        )
    ]


def _mini_batches(request: SizingRequest, costs: MeasuredCosts) -> list[JobSize]:
    """Return the job with mini-batches: a fraction of the processor time for some milliseconds."""
    batch = costs.batch
    if batch is None:
        return []
    return [
        _job(
            request,
            "mini-batches",
            batch.sales_per_second,
            TaskCost(
                batch.taskmanager_us, batch.taskmanager_mib, batch.slots, batch.postgres_cores
            ),
            f"job.mini_batch_ms = {batch.mini_batch_ms}, job.flush_ms = {batch.flush_ms}",
        )
    ]


def _job(
    request: SizingRequest,
    mode: str,
    task_rate: float,
    cost: TaskCost,
    settings: str,
) -> JobSize:
    """Return the job of one mode; `task_rate` is the highest rate of one task."""
    tasks = ceil(request.rate / (task_rate * PLANNED_SHARE))
    # A task runs many threads, so a slot may use more than a core.
    cores = request.rate * cost.sale_us / 1e6 / PLANNED_SHARE
    managers = max(ceil(tasks / request.host_cores), ceil(cores / request.host_cores))
    # A TaskManager with few slots needs no less than the one that was measured.
    slots = max(cost.slots, ceil(tasks / managers))
    return JobSize(
        mode=mode,
        tasks=tasks,
        cores=cores,
        task_managers=managers,
        memory_mib=cost.memory_mib / cost.slots * slots,
        postgres_cores=cost.postgres_cores * tasks / PLANNED_SHARE,
        settings=settings,
    )


def _kafka(request: SizingRequest, costs: MeasuredCosts, tasks: int) -> KafkaSize | None:
    """Return topic and brokers; each copy counts as much as the first, which is too much."""
    sale = costs.sale
    if sale is None:
        return None
    copies, rate = request.replication, request.rate
    cores = rate * sale.kafka_us * copies / 1e6 / PLANNED_SHARE
    brokers = max(copies, ceil(cores / request.host_cores))
    per_day = rate * sale.topic_bytes * DAY_S * copies / 2**30
    return KafkaSize(
        partitions=request.partitions or tasks,
        brokers=brokers,
        cores=cores,
        disk_gib_per_day=per_day,
        disk_gib=per_day * request.keep_s / DAY_S,
        mbit_in=rate * sale.topic_bytes * copies * BITS / 1e6 / brokers,
        mbit_out=rate * (sale.read_bytes + sale.topic_bytes * (copies - 1)) * BITS / 1e6 / brokers,
    )


def _postgres(request: SizingRequest, costs: MeasuredCosts) -> PostgresSize | None:
    """Return the tables: a row a second for each category and currency, and for each partition."""
    sale, tables, capacity = costs.sale, costs.tables, costs.capacity
    if sale is None or tables is None:
        return None
    tasks = ceil(request.rate / (sale.sales_per_second * PLANNED_SHARE))
    categories = request.categories or tables.categories
    partitions = request.partitions or tasks
    rows = {
        "sales_summary": DAY_S * min(request.rate, categories * tables.currencies),
        "ledger_second": DAY_S * min(request.rate, partitions),
        "sale_anomaly": DAY_S * request.rate * tables.anomalies,
    }
    per_day = None
    if capacity is not None and rows.keys() <= capacity.row_bytes.keys():
        per_day = sum(rows[name] * capacity.row_bytes[name] for name in rows) / 2**30
    return PostgresSize(
        rows_per_day=round(sum(rows.values())),
        disk_gib_per_day=per_day,
        disk_gib=None if per_day is None else per_day * request.keep_s / DAY_S,
        wal_gib_per_day=tasks * tables.wal_bytes_per_second * DAY_S / 2**30,
    )
