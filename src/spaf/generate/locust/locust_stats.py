"""Feeds Locust's statistics in batches: exact, at a tenth of the cost of an event a sale."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from locust.stats import StatsEntry, bucket_response_time

from spaf.errors import LoadError

if TYPE_CHECKING:
    from locust.env import Environment
    from locust.stats import RequestStats

    from spaf.generate.locust.publisher import DeliveryStats

REQUEST_TYPE = "KAFKA"


def report(environment: Environment, topic: str, delivery: DeliveryStats, now_s: float) -> None:
    """Count each acknowledged sale as a request, and each failed one as a failure."""
    if delivery.latencies_ms:
        _count(environment.stats, topic, delivery, now_s)
    for reason, times in delivery.failures.items():
        for _ in range(times):
            environment.events.request.fire(  # type: ignore[no-untyped-call]
                request_type=REQUEST_TYPE,
                name=topic,
                response_time=None,
                response_length=0,
                exception=LoadError(reason),
            )


def _count(stats: RequestStats, topic: str, delivery: DeliveryStats, now_s: float) -> None:
    """Merge the sales into the statistics, as Locust merges those of its workers."""
    times = delivery.latencies_ms
    part = StatsEntry(stats, topic, REQUEST_TYPE)
    part.num_requests = part.num_reqs_per_sec[int(now_s)] = len(times)
    part.last_request_timestamp = now_s
    part.total_response_time = sum(times)  # type: ignore[arg-type] # it, too, adds floats
    part.min_response_time = min(times)  # type: ignore[assignment]
    part.max_response_time = max(times)  # type: ignore[assignment]
    part.response_times.update(Counter(map(bucket_response_time, times)))
    part.total_content_length = delivery.bytes
    stats.total.extend(part)
    stats.entries[(topic, REQUEST_TYPE)].extend(part)
