"""The factors that grow, their levels, and the conditions of a measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from spaf.generate.rate import MAX_RATE, MIN_RATE
from spaf.generate.shop.assortment import CUSTOMERS, ShopSize
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, PostgresSettings, Settings

# Task slots of a stack, over all of its TaskManagers, unless a level needs more.
SLOTS = 4
# Disk space of a record in the topic, and of a row of sales_summary with its two indexes: upper
# bounds, with the write-ahead log. A sale has 250 to 400 bytes, a row was measured to take 183.
RECORD_BYTES, ROW_BYTES = 400, 300


class Conditions(msgspec.Struct, frozen=True):
    """The conditions of one measurement."""

    rate: float = 1_000
    categories: int = 10
    products: int = 200
    customers: int = CUSTOMERS
    partitions: int = 1
    parallelism: int = 1
    task_managers: int = 1
    viewers: int = 0
    records: int = 200_000
    """Records that the job has read before; they also make the JVM compile the code of the job."""
    rows: int = 0
    """Rows that sales_summary holds before."""

    @property
    def shop(self) -> ShopSize:
        """The shop that sells."""
        return ShopSize(self.categories, max(1, self.products // self.categories), self.customers)

    @property
    def stack(self) -> Stack:
        """The stack that is needed."""
        slots = max(SLOTS, self.parallelism)
        return Stack(self.task_managers, -(-slots // self.task_managers), self.viewers > 0)

    @property
    def disk_mib(self) -> int:
        """Disk space of what is loaded before."""
        return (self.records * RECORD_BYTES + self.rows * ROW_BYTES) // 2**20


class Stack(NamedTuple):
    """What a stack consists of; `page` adds the job of the run, Locust and the page."""

    task_managers: int
    slots: int
    page: bool

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the stack; contract and detection stay those of the user."""
        job = settings.job.model_dump() | {"parallelism": 1}
        return settings.model_copy(
            update={
                "home": settings.home / "scale",
                "kafka": KafkaSettings(heap_mib=settings.kafka.heap_mib),
                "postgres": PostgresSettings(),
                "flink": FlinkSettings(
                    task_managers=self.task_managers,
                    slots=self.slots,
                    task_heap_mib=settings.flink.task_heap_mib,
                ),
                "job": JobSettings(**job),
            }
        )


class Factor(NamedTuple):
    """One factor: its usual and its quick levels, the smallest first; conditions that it needs."""

    levels: Sequence[float]
    quick: Sequence[float]
    fixed: dict[str, Any]
    max: float
    """Largest level that can be measured at all."""
    min: float = 1
    load_only: bool = False
    """Whether one job sells all levels: only the load differs, and nothing is remembered of it."""


FACTORS = {
    "rate": Factor((100, 1_000, 10_000), (1_000, 10_000), {}, MAX_RATE, MIN_RATE, load_only=True),
    "categories": Factor((10, 100, 1_000), (10, 1_000), {"products": 2_000}, 10_000),
    "products": Factor((200, 20_000, 200_000), (200, 20_000), {}, 2_000_000, 10),
    "customers": Factor((200, 20_000, 200_000), (200, 20_000), {}, 10_000_000, load_only=True),
    "partitions": Factor((1, 4, 16), (1, 16), {}, 64),
    "records": Factor((100_000, 1_000_000, 10_000_000), (100_000, 1_000_000), {}, 1e9),
    "rows": Factor((100_000, 10_000_000, 100_000_000), (100_000, 1_000_000), {}, 1e9),
    "parallelism": Factor((1, 2, 4), (1, 4), {"partitions": 4}, 16),
    "taskmanagers": Factor((1, 2, 4), (1, 2), {"partitions": 4, "parallelism": 4}, 16),
    "viewers": Factor((1, 10, 100), (1, 100), {}, 1_000, load_only=True),
}
# Conditions whose name is not that of the factor.
FIELDS = {"taskmanagers": "task_managers"}
# A product costs state once it was sold: so many sales for each product come first.
SALES_PER_PRODUCT = 5
# They need stacks of their own, whose starts take most of the time.
SLOW = ("taskmanagers", "viewers")
# What a quick measurement leaves out: those, and what was found to change least.
NOT_QUICK = (*SLOW, "customers", "partitions", "records", "parallelism")
DAY = "day"


def conditions(factor: str, levels: Sequence[float]) -> Iterator[Conditions]:
    """Yield the conditions of each level of a factor."""
    field = FIELDS.get(factor, factor)
    fixed = dict(FACTORS[factor].fixed)
    if factor == "products":
        sold_first = int(max(levels)) * SALES_PER_PRODUCT
        fixed["records"] = max(Conditions().records, sold_first)
    for level in levels:
        value = level if field == "rate" else int(level)
        found = Conditions(**{**fixed, field: value})
        yield msgspec.structs.replace(
            found,
            products=max(found.products, found.categories),
            partitions=max(found.partitions, found.parallelism),
        )
