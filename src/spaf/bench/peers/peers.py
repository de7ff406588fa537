"""The same aggregation by other programs and by ours, in one run, in turn."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Annotated, ClassVar

import msgspec

from spaf.bench.peers.answers import expected
from spaf.bench.peers.compared import ComparedJob, ComparedPeer, ComparedProgram
from spaf.bench.peers.drain import FullTopic
from spaf.bench.peers.measurement import (
    PeerMeasurement,
    measure_drain,
    measure_kill,
    measure_load,
)
from spaf.bench.peers.peer import peers
from spaf.bench.peers.result import AGGREGATES, FULL_JOB, PeersResult
from spaf.bench.progress import Progress
from spaf.bench.scenario import Names, option
from spaf.bench.throughput.drain import MINI_BATCH_MS, PARTITIONS, FullTopicScenario, drained, fill
from spaf.errors import SettingsError
from spaf.job.build import SINKS
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running

# The first half warms the code: what a JVM needs for that is a million.
EVENTS, QUICK_EVENTS = 3_000_000, 500_000
DRAINS, QUICK_DRAINS = 3, 1
# A drain is ended after this time. The slowest peers read some thousand records a second.
CAP_S, QUICK_CAP_S = 60.0, 30.0
# Longer than a consumer group waits for dead members, 45 s by default.
KILL_CAP_S = 90.0
# At each rate: sold without being measured, and measured.
LIVE_S, QUICK_LIVE_S = (5.0, 20.0), (2.0, 4.0)
# A program that does not drain the topic in this part of the time is killed in a smaller one.
SMALL_SHARE = 0.1
SMALL_TOPIC = "drain-small"
OWN_SETTINGS = (
    f"parallelism 2, mini-batches of {MINI_BATCH_MS} ms; for the latency the settings of a run, "
    "{}"
)


class PeersScenario(FullTopicScenario, frozen=True):
    """Run the same aggregation by other programs and by ours; verify and compare them.

    Each reads the same sales from the same Kafka into the same PostgreSQL, in turn, alone: a full
    topic, a load at 100 and 1,000 sales a second, bad records, and a drain in which it is killed.
    The environment of a peer is made at its first use, which needs the package registries. A peer
    that cannot be installed or run is a row with its error. It takes about 25 minutes, with --quick
    about 5.
    """

    folder: ClassVar[str] = "peers"
    judges_intervals: ClassVar[bool] = True

    events: Annotated[
        int,
        option(f"Events in the topic. 0: {EVENTS:,}, with --quick {QUICK_EVENTS:,}.", ge=0),
    ] = 0
    drains: Annotated[
        int, option(f"Drains of each program. 0: {DRAINS}, with --quick {QUICK_DRAINS}.", ge=0)
    ] = 0
    peers: Annotated[
        Names, option("Only these peers, with commas between; our own rows are always measured.")
    ] = ()
    quick: Annotated[bool, option("A look at the whole in about five minutes.")] = False

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check the names of the peers and the room on the disk.

        Raises:
            SettingsError: a peer has no such name.
            StackError: the disk has no room for the events.

        """
        known = peers()
        unknown = [name for name in self.peers if name not in known]
        if unknown:
            raise SettingsError(
                f"--peers: there is no peer {unknown[0]!r}.", todo=f"Of: {', '.join(known)}"
            )
        sized = msgspec.structs.replace(self, events=self._events)
        return FullTopicScenario.prepare(sized, settings)

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> PeersResult:
        """Make the environments, start the services, measure.

        Raises:
            SpafError: a service does not start.

        """
        rows = [PeerMeasurement(compared) for compared in self._compared(settings)]
        for row in rows:
            row.attempt(partial(row.compared.prepare, progress))
        with running(self.settings(settings), watch, bare=True) as run:
            return self.compare(run, rows, progress)

    def compare(self, run: Run, rows: Sequence[PeerMeasurement], progress: Progress) -> PeersResult:
        """Measure every row on one stack, part after part, so that all have the same machine.

        Raises:
            SpafError: the topic cannot be filled or recomputed.

        """
        fill(run, self._events, progress)
        topic = FullTopic(run, expected(run, progress), PARTITIONS)
        interrupted = False
        try:
            self._measure_parts(rows, topic, progress)
        except KeyboardInterrupt:
            if not any(row.drains for row in rows):
                raise
            interrupted = True
        by_name = {row.compared.name: row.row() for row in rows}
        return PeersResult.of(drained(run), by_name, interrupted=interrupted)

    def _measure_parts(
        self, rows: Sequence[PeerMeasurement], topic: FullTopic, progress: Progress
    ) -> None:
        cap_s = QUICK_CAP_S if self.quick else CAP_S
        for _ in range(self.drains or (QUICK_DRAINS if self.quick else DRAINS)):
            for row in rows:
                row.attempt(partial(measure_drain, row, topic, cap_s, progress))
        seconds = QUICK_LIVE_S if self.quick else LIVE_S
        for row in rows:
            row.attempt(partial(measure_load, row, topic.run, seconds, progress))
        small = self._small_topic(topic.run, progress)
        for row in rows:
            chosen = topic if row.drains_whole else small
            row.attempt(partial(measure_kill, row, chosen, KILL_CAP_S, progress))

    @property
    def _events(self) -> int:
        return self.events or (QUICK_EVENTS if self.quick else EVENTS)

    def _compared(self, settings: Settings) -> list[ComparedProgram]:
        """Return ours and the peers in the order in which they are measured."""
        live = settings.job
        batches = (
            f"mini-batches of {live.mini_batch_ms} ms" if live.mini_batch_ms else "no mini-batches"
        )
        said = OWN_SETTINGS.format(batches)
        own = [
            ComparedJob(AGGREGATES, ("sales_summary",), live, said),
            ComparedJob(FULL_JOB, SINKS, live, said),
        ]
        chosen = [peer for peer in peers().values() if not self.peers or peer.name in self.peers]
        return [*own, *map(ComparedPeer, chosen)]

    def _small_topic(self, run: Run, progress: Progress) -> FullTopic:
        small = run.with_tables(SMALL_TOPIC, run.access.schema)
        fill(small, int(self._events * SMALL_SHARE), progress)
        return FullTopic(small, expected(small), PARTITIONS)
