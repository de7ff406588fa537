"""Polls every stage of the pipeline at once, and returns what is known as one snapshot.

Each service is polled in a thread of its own (`Probe`). One that has not answered in time is silent
in the snapshot, with what was known of it before; nothing waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

from spaf import clock
from spaf.serve.monitor import reconciliation
from spaf.serve.monitor.flink import FlinkMetrics, FlinkProbe
from spaf.serve.monitor.head import UnreadableHead
from spaf.serve.monitor.ledger import LedgerReader, TableCounts
from spaf.serve.monitor.load import LoadProbe, LoadStatuses
from spaf.serve.monitor.offsets import OffsetBounds, OffsetProbe
from spaf.serve.monitor.probe import Probe
from spaf.serve.monitor.snapshot import JOB_RUNS, PipelineSnapshot, ProbeHealth, StageDelay
from spaf.serve.monitor.stage_latency import StageLatencySampler
from spaf.serve.run_info import JobInfo, RunInfo, ServiceInfo

# How long one poll waits for its answers.
TIMEOUT_S = 0.4
# Memory and processor time cost the system some milliseconds; polled every second time.
SERVICES_EVERY = 2


class PipelineProbe:
    """The probes of all stages, and what each answered last."""

    def __init__(self, run: RunInfo) -> None:
        """Prepare the probes; nothing is polled yet."""
        self._run = run
        self._ledger = LedgerReader(run.access, once=bool(run.rules.dedup_block_ms))
        flink = FlinkProbe(run.flink, lambda: run.job().id)
        self._load = LoadProbe(lambda: run.links().get("locust"), run.runs)
        self.latency = StageLatencySampler(run.kafka, run.topic, run.rules)
        self.tables: Probe[TableCounts] = Probe("tables", self._ledger.poll, self._ledger.close)
        self.offsets: Probe[OffsetBounds] = Probe("offsets", OffsetProbe(run.kafka, run.topic).poll)
        self.flink: Probe[FlinkMetrics] = Probe("flink", flink.poll, flink.close)
        self.load: Probe[LoadStatuses] = Probe("load", self._load.poll, self._load.close)
        self.services: Probe[list[ServiceInfo]] = Probe("services", run.services)
        self.job: Probe[JobInfo] = Probe("job", run.job)
        self.head: Probe[bool] = Probe("head", lambda: self._head.read(*self._lag))
        self.delays: Probe[dict[str, StageDelay]] = Probe(
            "delays", self.latency.poll, self.latency.close
        )
        self.probes: tuple[Probe[Any], ...] = (
            *(self.tables, self.offsets, self.flink, self.load),
            *(self.services, self.job, self.head, self.delays),
        )
        self._polls = 0
        self._job_id = ""
        self._counted: int | None = None
        self._lag: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._head = UnreadableHead(run.kafka, run.topic, run.rules)

    def reset(self) -> None:
        """Forget samples that would be stale at the next poll."""
        self.latency.reset()
        self._polls = 0
        self._counted = None

    def close(self) -> None:
        """End the threads."""
        for probe in self.probes:
            probe.close()

    async def poll(self, *, events: int = 0, viewers: int = 0) -> PipelineSnapshot:
        """Poll every stage once.

        Args:
            events: that this page has sent.
            viewers: that are connected to this page.

        """
        polled: list[Probe[Any]] = [self.tables, self.load, self.flink, self.job]
        if self._polls % SERVICES_EVERY == 0:
            polled.append(self.services)
        if self.latency.due:
            polled.append(self.delays)
        self._polls += 1
        await asyncio.gather(*(probe.poll(TIMEOUT_S) for probe in polled))
        # After the tables: see `reconciliation`.
        await self.offsets.poll(TIMEOUT_S)
        job = self.job.value or JobInfo(JOB_RUNS, "")
        if job.id != self._job_id:
            # A job that was submitted again may write every row again.
            self._ledger.reread = True
            self._job_id = job.id
        return await self._snapshot(job, events, viewers)

    async def _snapshot(self, job: JobInfo, events: int, viewers: int) -> PipelineSnapshot:
        ends = sum(self.offsets.value.ends.values()) if self.offsets.value else None
        counted = self._counted_up_to()
        unreadable = await self._unreadable(ends, counted)
        self._counted = counted if self.tables.fresh else None
        loads = None if _health(self.load).silent else self.load.value
        return PipelineSnapshot(
            at=clock.monotonic(),
            services=self.services.value or [],
            job=job.state,
            trouble=job.trouble,
            disk=job.disk,
            page_load=None if loads is None else loads.page,
            headless=None if loads is None else loads.headless,
            flink=None if _health(self.flink).silent else self.flink.value,
            ends=ends if self.offsets.fresh else None,
            counted=self._counted,
            accounts=self._accounts(),
            events=events,
            viewers=viewers,
            unreadable=unreadable,
            delays=self._stage_delays(loads),
            health={
                "locust": _health(self.load),
                "kafka": _health(self.offsets),
                "flink": _health(self.flink),
                "postgres": _health(self.tables),
            },
            load_at=(loads and loads.at) or self.load.answered_at,
            ends_at=self.offsets.answered_at,
            counted_at=self.tables.answered_at,
        )

    def _accounts(self) -> dict[str, Any] | None:
        tables, offsets = self.tables.value, self.offsets.value
        if tables is None or offsets is None:
            return None
        return reconciliation.message(
            tables,
            offsets.ends,
            offsets.begins,
            current=self.offsets.fresh,
            deduplicating=bool(self._run.rules.dedup_block_ms),
        )

    def _counted_up_to(self) -> int | None:
        """Return the sum of the offsets up to which all is counted, over all partitions."""
        if self.tables.value is None:
            return None
        begins = {} if self.offsets.value is None else self.offsets.value.begins
        known = {part: account.end for part, account in self.tables.value.parts.items()}
        return sum({**begins, **known}.values())

    def _stage_delays(self, loads: LoadStatuses | None) -> dict[str, StageDelay]:
        delays = dict(self.delays.value or {}) if self.delays.error is None else {}
        statuses = (loads.page, loads.headless) if loads and self.load.fresh else ()
        for status in statuses:
            if status is not None and status.delay_ms is not None and status.selling:
                delays["locust"] = StageDelay(*status.delay_ms)
        return delays

    async def _unreadable(self, ends: int | None, counted: int | None) -> bool:
        """Return whether Flink's lag is unreadable; decoded only if Flink seems to be stuck."""
        tables, offsets = self.tables.value, self.offsets.value
        if ends is None or counted is None or tables is None or offsets is None:
            return False
        if self._counted != counted or ends <= counted:
            return False
        self._lag = (
            {part: offsets_of.end for part, offsets_of in tables.parts.items()},
            offsets.ends,
        )
        await self.head.poll(TIMEOUT_S)
        return bool(self.head.fresh and self.head.value)


def _health(probe: Probe[Any]) -> ProbeHealth:
    return ProbeHealth(probe.error, probe.silent_s)
