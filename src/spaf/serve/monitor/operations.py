"""Once a second, while somebody looks: the accounts, the pipeline and the load.

Each neighbour is asked in a thread of its own (`Probe`). What has not answered in time is told as
silent, with what is known of it from before; nothing here waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from spaf import clock
from spaf.generate.locust.protocol import LoadStatus
from spaf.sale import Reason, decode
from spaf.serve.monitor import reconciliation
from spaf.serve.monitor.flink import FlinkMetrics, FlinkProbe
from spaf.serve.monitor.ledger import LedgerReader, TableCounts
from spaf.serve.monitor.load import LoadProbe
from spaf.serve.monitor.offsets import OffsetBounds, OffsetProbe
from spaf.serve.monitor.pipeline import (
    JOB_RUNS,
    Pipeline,
    PipelineObservation,
    ProbeAnswer,
    StageDelay,
)
from spaf.serve.monitor.probe import Probe
from spaf.serve.monitor.stage_latency import StageLatencySampler
from spaf.serve.push.hub import Hub
from spaf.serve.run_info import JobInfo, RunInfo, ServiceInfo
from spaf.topic import record_reader

# Between two looks, and for how long a look waits for its answers; together well below the two
# seconds within which a stopped stage is to be seen. Seconds.
EVERY_S = 1.0
PATIENCE_S = 0.4
# Without a viewer nobody is asked anything; a page that is opened is seen within this. Seconds.
IDLE_S = 0.2
# Memory and processor time come from the system and cost it some milliseconds; every so many looks.
SERVICES_EVERY = 2
# Records at the head of what waits that are looked at, to tell whether Flink can read any.
HEAD_RECORDS = 20


async def follow(source: RunInfo, hub: Hub) -> None:
    """Publish `accounts`, `pipeline` and `load` each second while the page has viewers."""
    operations = Operations(source, hub)
    try:
        while True:
            if not hub.viewers:
                operations.rest()
                await asyncio.sleep(IDLE_S)
                continue
            began = clock.monotonic()
            await operations.look()
            await asyncio.sleep(max(0.0, began + EVERY_S - clock.monotonic()))
    finally:
        operations.close()


class Operations:
    """The neighbours, and what was last known of each."""

    def __init__(self, source: RunInfo, hub: Hub) -> None:
        """Prepare the questions; nobody is asked yet."""
        self._source, self._hub = source, hub
        once = bool(source.rules.dedup_block_ms)
        self._ledger = LedgerReader(source.access, once=once)
        self._flink = FlinkProbe(source.flink, lambda: source.job().id)
        self._load = LoadProbe(lambda: source.links().get("locust"))
        self._head_of: tuple[dict[int, int], bool] | None = None
        self._waiting: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self.tables: Probe[TableCounts] = Probe("tables", self._ledger.look, self._ledger.close)
        self.offsets: Probe[OffsetBounds] = Probe(
            "offsets", OffsetProbe(source.kafka, source.topic).look
        )
        self.flink: Probe[FlinkMetrics] = Probe("flink", self._flink.look, self._flink.close)
        self.load: Probe[LoadStatus | None] = Probe("load", self._load.look, self._load.close)
        self.services: Probe[list[ServiceInfo]] = Probe("services", source.services)
        self.job: Probe[JobInfo] = Probe("job", source.job)
        self.head: Probe[bool] = Probe("head", self._unreadable)
        self._timer = StageLatencySampler(source.kafka, source.topic, source.rules)
        self.delays: Probe[dict[str, StageDelay]] = Probe(
            "delays", self._timer.look, self._timer.close
        )
        self.probes: tuple[Probe[Any], ...] = (
            *(self.tables, self.offsets, self.flink, self.load),
            *(self.services, self.job, self.head, self.delays),
        )
        self._pipeline = Pipeline(self._source.write_interval_s)
        self._looks = 0
        self._job_id = ""

    def rest(self) -> None:
        """Nobody looks: forget what would be wrong when somebody does again."""
        if self._looks:
            self._hub.on_rows = None
            self._timer.forget()
            self._looks = 0
            self._pipeline = Pipeline(self._source.write_interval_s)

    def close(self) -> None:
        """End the threads."""
        for probe in self.probes:
            probe.close()

    async def look(self) -> None:
        """Ask everybody once, and publish."""
        asked = [probe.look(PATIENCE_S) for probe in (self.tables, self.load, self.flink, self.job)]
        if self._looks % SERVICES_EVERY == 0:
            asked.append(self.services.look(PATIENCE_S))
        if self._timer.due:
            asked.append(self.delays.look(PATIENCE_S))
        self._hub.on_rows = self._timer.note
        self._looks += 1
        await asyncio.gather(*asked)
        # After the tables: see `accounts`.
        await self.offsets.look(PATIENCE_S)
        job = self.job.value or JobInfo(JOB_RUNS, "")
        if job.id != self._job_id:
            # A job that was submitted anew may write every row again.
            self._ledger.anew = True
            self._job_id = job.id
        await self._publish(job.state)

    async def _publish(self, job: str) -> None:
        tables, offsets = self.tables.value, self.offsets.value
        told = None
        if tables is not None and offsets is not None:
            told = reconciliation.message(
                tables,
                offsets.ends,
                offsets.begins,
                current=self.offsets.fresh,
                deduplicating=bool(self._source.rules.dedup_block_ms),
            )
            if self.tables.fresh:
                self._hub.publish("accounts", told)
        counted = None if tables is None else _counted(tables, offsets)
        ends = None if offsets is None else sum(offsets.ends.values())
        unreadable = await self._look_at_head(ends, counted)
        found = PipelineObservation(
            at=clock.monotonic(),
            services=self.services.value or [],
            job=job,
            load=None if _answer(self.load).silent else self.load.value,
            flink=None if _answer(self.flink).silent else self.flink.value,
            ends=ends if self.offsets.fresh else None,
            counted=counted if self.tables.fresh else None,
            accepted=told["accepted"] if told and self.tables.fresh else None,
            in_flight=told["in_flight"] if told else None,
            events=int(self._hub.as_of_id.rpartition("-")[2]),
            viewers=self._hub.viewers,
            unreadable=unreadable,
            delays=self._delays(),
            answers={
                "locust": _answer(self.load),
                "kafka": _answer(self.offsets),
                "flink": _answer(self.flink),
                "postgres": _answer(self.tables),
            },
            load_at=self.load.answered_at,
            ends_at=self.offsets.answered_at,
            counted_at=self.tables.answered_at,
        )
        pipeline, load = self._pipeline.see(found)
        if found.load is not None or found.answers["locust"].silent or not self._load.there:
            self._hub.publish("load", load)
        self._hub.publish("pipeline", pipeline)

    def _delays(self) -> dict[str, StageDelay]:
        """Return the delays of the stages, as far as they are known."""
        found = dict(self.delays.value or {}) if self.delays.error is None else {}
        look = self.load.value if self.load.fresh else None
        if look is not None and look.delay_ms is not None and look.selling:
            found["locust"] = StageDelay(*look.delay_ms)
        return found

    async def _look_at_head(self, ends: int | None, counted: int | None) -> bool:
        """Return whether what waits for Flink is nothing that it could read; only if it matters."""
        tables, offsets = self.tables.value, self.offsets.value
        if ends is None or counted is None or tables is None or offsets is None:
            return False
        if not self._pipeline.watch.suspects_flink(ends, counted):
            return False
        place = {part: one.end for part, one in tables.parts.items()}
        self._waiting = (place, offsets.ends)
        await self.head.look(PATIENCE_S)
        return bool(self.head.fresh and self.head.value)

    def _unreadable(self) -> bool:
        """Say whether the first records that wait are all unreadable."""
        place, ends = self._waiting
        if self._head_of is not None and self._head_of[0] == place and not self._head_of[1]:
            return False  # what can be read once can be read again
        held = {
            part: record_reader.OffsetRange(place.get(part, 0), end)
            for part, end in ends.items()
            if end > place.get(part, 0)
        }
        source = self._source
        start = {part: span.begin for part, span in held.items()}
        found = record_reader.from_offsets(source.kafka, source.topic, held, start, HEAD_RECORDS)
        outcomes = (decode(one.value, one.append_ms, source.rules) for one in found)
        unreadable = all(one == (Reason.UNREADABLE,) for one in outcomes)
        self._head_of = (place, unreadable)
        return unreadable


def _counted(tables: TableCounts, offsets: OffsetBounds | None) -> int:
    """Return the sum of the offsets up to which all is counted, partitions unknown included."""
    begins: Mapping[int, int] = {} if offsets is None else offsets.begins
    known = {part: one.end for part, one in tables.parts.items()}
    return sum({**begins, **known}.values())


def _answer(probe: Probe[Any]) -> ProbeAnswer:
    return ProbeAnswer(probe.error, probe.silent_s)
