"""A run that is up: its addresses, its contract, and the access to its tables."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from spaf import clock
from spaf.job.flink_address import FlinkAddress
from spaf.sale import Rules
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.service_names import GROUP
from spaf.stack.state import CountedTopic, RunFolder, RunState
from spaf.stack.vitals import present_trouble
from spaf.topic.security import KafkaAddress
from spaf.trouble import CERTAIN_S, Trouble

if TYPE_CHECKING:
    from spaf.stack.submission import JobTarget


class Run:
    """What the command line, the page and the quarantine know of one run."""

    def __init__(self, settings: Settings, state: RunState) -> None:
        """Keep the addresses of the state, and derive the access to the tables."""
        self.settings = settings
        self.home = RunFolder(settings.home)
        self.kafka = KafkaAddress.of(state.kafka, settings.kafka)
        self.flink = FlinkAddress.of(state.flink, settings.flink)
        self.topic = settings.kafka.topic
        # When the supervisor was started, seconds since the epoch.
        self.started = state.supervisor_started
        # The contract that the job was started with; the settings may have changed since.
        self.contract = state.contract
        access = self.home.access(settings.postgres, state.postgres_host, state.postgres_port)
        self.access = replace(access, waiting_port=state.waiting_port)

    @property
    def group(self) -> str:
        """The consumer group of the job."""
        counted = self.counted_topic()
        return GROUP if counted is None else counted.group

    @property
    def rules(self) -> Rules:
        """The rules by which the job accepts records."""
        return self.contract.rules()

    @classmethod
    def attach(cls, settings: Settings) -> Run:
        """Return the run that is up in the run folder of the settings.

        Raises:
            NotUpError: no run is up.

        """
        return cls(settings, RunFolder(settings.home).running())

    def with_tables(self, topic: str, schema: str) -> Run:
        """Return the same run with another topic and the tables of another schema."""
        other = copy.copy(self)
        other.topic = topic
        other.access = replace(self.access, schema=schema)
        return other

    def job_target(self, group: str) -> JobTarget:
        """Return from where a job of this consumer group reads, where it runs and writes."""
        from spaf.stack.submission import JobTarget  # noqa: PLC0415 - slow, few commands need it

        own_cluster = self.settings.flink.rest_url is None
        return JobTarget(
            kafka=self.kafka,
            topic=self.topic,
            group=group,
            access=self.access,
            flink=self.flink,
            home=self.home,
            checkpoints=self.home.checkpoints / group if own_cluster else None,
        )

    def state(self) -> RunState:
        """Return the present state of the run.

        Raises:
            NotUpError: the run has ended.

        """
        return self.home.running()

    def trouble(self) -> Trouble | None:
        """Return why sales do not reach the tables of the run.

        Raises:
            NotUpError: the run has ended.

        """
        return present_trouble(self.home, self.state())

    def lasting_trouble(self) -> Trouble | None:
        """Return a cause that stays until a person does something, once that is certain.

        Raises:
            NotUpError: the run has ended.

        """
        cause = self.trouble()
        certain = cause is not None and clock.now_us() / 1e6 - cause.since >= CERTAIN_S
        return cause if cause is not None and cause.lasting and certain else None

    def counted_topic(self) -> CountedTopic | None:
        """Return the topic whose sales are in the tables, if it is known."""
        return self.home.counted_topics().get(self.access.tables)

    def end_offsets(self) -> dict[int, int]:
        """Return the end offset of each partition of the topic."""
        from spaf.topic import admin  # noqa: PLC0415 - slow, few commands need it

        return admin.end_offsets(self.kafka, self.topic)


@contextlib.contextmanager
def running(
    settings: Settings, watch: Watcher, *, bare: bool = False, archiving: bool = False
) -> Iterator[Run]:
    """Yield the run that is up, or start one and stop it at the end of the block.

    The options are those of `control.up`.

    Raises:
        StackError: the run could not be started.

    """
    started_here = not control.is_up(settings)
    try:
        state = control.up(
            settings, watch, end_with_us=started_here, bare=bare, archiving=archiving
        )
        yield Run(settings, state)
    finally:
        if started_here:
            control.down(settings)
