"""What breaks first as the rate grows, at which rate, and the way out of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from spaf.report.sizing.costs import MeasuredCosts
from spaf.settings import MAX_PARTITIONS


class Limit(msgspec.Struct, frozen=True):
    """One bound of a run."""

    what: str
    breaks_at: float | None
    """Sales a second; None where the sales do not decide."""
    because: str
    way_out: str
    reached: bool = False
    """Whether the rate that is asked for is beyond it."""


def limits(
    rate: float, costs: MeasuredCosts, share: float, categories: int | None
) -> Sequence[Limit]:
    """Return the limits in the order in which a growing rate reaches them.

    Args:
        rate: sales a second that are asked for.
        costs: what was measured.
        share: part of its highest rate that a task is planned for.
        categories: that sell; None: those of the record.

    """
    limits = [
        *_of_sales(costs, share),
        *_of_tables(costs, share, categories),
        *_of_proof(costs),
    ]
    marked = [
        msgspec.structs.replace(
            limit, reached=limit.reached or (limit.breaks_at is not None and rate > limit.breaks_at)
        )
        for limit in limits
    ]
    return sorted(marked, key=lambda limit: (limit.breaks_at is None, limit.breaks_at or 0.0))


def _of_sales(costs: MeasuredCosts, share: float) -> Iterator[Limit]:
    """Yield what each single sale costs."""
    sale = costs.sale
    if sale is None:
        return
    yield Limit(
        "one partition, one task",
        sale.sales_per_second,
        "the most that one task was measured to hold with 99 % of the sales in the tables within "
        "100 ms; the order of a partition cannot be divided",
        "kafka.partitions and job.parallelism; sales that must stay in order need one key, so that "
        "they stay in one partition",
    )
    if costs.one_machine is not None:
        yield Limit(
            "one machine",
            costs.one_machine,
            "the most that one machine was measured to hold with generator, broker, job and "
            "database on it",
            "brokers, TaskManagers and PostgreSQL on hosts of their own (docs/how-to/cluster.md)",
        )
    yield Limit(
        f"{MAX_PARTITIONS} partitions",
        MAX_PARTITIONS * sale.sales_per_second * share,
        "SPAF creates no topic with more partitions and runs no job with more tasks",
        "mini-batches: a task of them holds more; or a run for each group of shops",
    )


def _of_tables(costs: MeasuredCosts, share: float, categories: int | None) -> Iterator[Limit]:
    """Yield what the tables cost: changed rows and commits, whatever the number of sales."""
    sale, tables, capacity = costs.sale, costs.tables, costs.capacity
    if sale is None or tables is None or capacity is None:
        return
    # Commits of one task at the default settings, which flush every millisecond.
    of_a_task = tables.commits_per_second
    tasks = capacity.notifying_commits / of_a_task
    yield Limit(
        "notifications (NOTIFY)",
        max(1.0, tasks) * sale.sales_per_second * share,
        f"commits that notify are made one after the other: {capacity.notifying_commits:,.0f} a "
        f"second together, of which each task makes up to {of_a_task:,.0f}",
        "job.flush_ms: at 20 a task makes at most 50 a second for each table",
    )
    rows = (categories or tables.categories) * tables.currencies
    yield Limit(
        "hot rows of sales_summary",
        None,
        f"each of the {rows:,} rows of the present second changes up to 1,000 times a second; the "
        f"tables take {capacity.row_updates:,.0f} such changes a second",
        "job.flush_ms or job.mini_batch_ms: a row is written once in this time, whatever it sells",
        reached=rows * 1_000 > capacity.row_updates,
    )
    yield Limit(
        "the page's one reader",
        None,
        f"it applies {capacity.reader_rows:,.0f} changed rows a second on one core, for any number "
        "of viewers",
        "job.flush_ms: it sees as many changes as the tables do",
        reached=min(rows * 1_000, capacity.row_updates) > capacity.reader_rows,
    )


def _of_proof(costs: MeasuredCosts) -> Iterator[Limit]:
    """Yield from which rate on a verification takes longer than the sales took to come."""
    if costs.verified_per_second is not None:
        yield Limit(
            "verification of everything",
            costs.verified_per_second,
            "a verification reads the whole topic: at a higher rate that takes longer than it "
            "took to sell",
            "kafka.retention: what is verified is what the topic holds; more cores",
        )


def columns(limits: Sequence[Limit]) -> list[tuple[Any, ...]]:
    """Return a row for each limit, as a person reads it."""
    return [
        (
            limit.what,
            "" if limit.breaks_at is None else f"{limit.breaks_at:,.0f}",
            "yes" if limit.reached else "no",
            limit.because,
            limit.way_out,
        )
        for limit in limits
    ]
