"""How far the job is: the offsets of its newest complete checkpoint, recorded in the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spaf.job import checkpoint
from spaf.store import queries
from spaf.store.access import Role
from spaf.topic import admin
from spaf.topic.record_reader import next_record_offsets

if TYPE_CHECKING:
    from spaf.stack.submission import JobTarget


@dataclass(frozen=True)
class _Gap:
    """Offsets without a record, from a committed one up to `reach`; `end` is that of the log."""

    committed: int
    reach: int
    end: int


@dataclass
class ProgressRecorder:
    """Copies the progress of one job from its checkpoints to the tables.

    A checkpoint holds the offset after the last record that was read. Offsets without a record may
    follow, such as the marker of a transaction; nothing of them is missing in the tables.
    """

    target: JobTarget
    _committed: dict[int, int] = field(default_factory=dict)
    _gaps: dict[int, _Gap] = field(default_factory=dict)
    _recorded: dict[int, int] = field(default_factory=dict)

    def record(self, job_id: str) -> dict[int, int]:
        """Record the offsets below which every record is in the tables, and return them.

        Everything before the offsets of a complete checkpoint has passed the sinks. The job also
        commits them to its group, but while no record comes only after up to 10 s: its fetcher
        thread waits for records that long. The group is all that is known of another cluster.

        Raises:
            TopicError: Kafka does not answer.
            StoreError: PostgreSQL does not answer.

        """
        target = self.target
        committed = self._checkpointed(job_id)
        # Offsets that move need no look behind them.
        self._look({p: at for p, at in committed.items() if self._committed.get(p) == at})
        self._committed = committed
        done = {part: self._done(part, offset) for part, offset in committed.items()}
        if done and done != self._recorded:
            with target.access.session(Role.SINK) as connection:
                queries.upsert_position(connection, target.begin_offsets(), done)
            self._recorded = done
        return done

    def _checkpointed(self, job_id: str) -> dict[int, int]:
        """Return the offsets of the newest complete checkpoint of the job."""
        target = self.target
        committed = admin.committed(target.kafka, target.group, target.topic)
        if target.checkpoints is None:
            return committed
        read = checkpoint.source_offsets(target.checkpoints, job_id, target.topic)
        return {part: max(at, read.get(part, at)) for part, at in committed.items()}

    def _done(self, part: int, offset: int) -> int:
        gap = self._gaps.get(part)
        return gap.reach if gap is not None and gap.committed == offset else offset

    def _look(self, waiting: dict[int, int]) -> None:
        """Find the next record of partitions whose group waits before their end."""
        if not waiting:
            return
        kafka, topic = self.target.kafka, self.target.topic
        parts = [(topic, part) for part in waiting]
        ends = admin.end_offsets_of(kafka, parts, committed=True)
        wanted: dict[int, int] = {}
        for part, offset in waiting.items():
            gap = self._gaps.get(part, _Gap(-1, -1, -1))
            if gap.committed != offset:
                gap = _Gap(offset, offset, offset)
            # Either everything was a gap and the log has grown, or a record is known to follow.
            if gap.reach == gap.end < ends[topic, part]:
                wanted[part] = gap.reach
        # A record that was deleted before the job had read it is no gap: it is lost to the tables.
        begins = admin.begin_offsets_of(kafka, [(topic, part) for part in wanted])
        wanted = {part: at for part, at in wanted.items() if at >= begins[topic, part]}
        next_offsets = next_record_offsets(kafka, topic, wanted)
        for part, reach in next_offsets.items():
            self._gaps[part] = _Gap(waiting[part], reach, ends[topic, part])
