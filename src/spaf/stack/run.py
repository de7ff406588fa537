"""A run that is up, and what may be asked of it."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from spaf.sale import Rules
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.state import RunFolder, RunState
from spaf.store.access import Access

if TYPE_CHECKING:
    from spaf.stack.submission import JobTarget


class Run:
    """The addresses and the contract of one run."""

    def __init__(self, settings: Settings, state: RunState) -> None:
        """Keep where everything is."""
        self.settings = settings
        self.home = RunFolder(settings.home)
        self.kafka = state.kafka
        self.flink = state.flink
        self.topic = settings.kafka.topic
        # Those that the job was started with, whatever the settings say by now.
        self.contract = state.contract
        self.access: Access = self.home.access(
            state,
            settings.postgres.schema_name,
            None if settings.postgres.dsn is None else settings.postgres.dsn.get_secret_value(),
        )

    @property
    def rules(self) -> Rules:
        """What the contract leaves to the operator, as the job was told."""
        return self.contract.rules()

    @classmethod
    def attach(cls, settings: Settings) -> Run:
        """Return the run that is up.

        Raises:
            NotUpError: none is.

        """
        return cls(settings, RunFolder(settings.home).running())

    def beside(self, topic: str, schema: str) -> Run:
        """Return the same run, with another topic and other tables."""
        other = copy.copy(self)
        other.topic = topic
        other.access = replace(self.access, schema=schema)
        return other

    def place(self, group: str) -> JobTarget:
        """Return where a job of this session reads, runs and writes."""
        from spaf.stack.submission import JobTarget  # noqa: PLC0415 - slow, few commands need it

        own = self.settings.flink.rest_url is None
        return JobTarget(
            kafka=self.kafka,
            topic=self.topic,
            group=group,
            access=self.access,
            flink=self.flink,
            checkpoints=self.home.checkpoints / group if own else None,
            plans=self.home.plans,
        )

    def state(self) -> RunState:
        """Return what the supervisor says now.

        Raises:
            NotUpError: the run has ended.

        """
        return self.home.running()

    def end_offsets(self) -> dict[int, int]:
        """Return the end of each partition."""
        from spaf.topic import admin  # noqa: PLC0415 - slow, few commands need it

        return admin.end_offsets(self.kafka, self.topic)


@contextlib.contextmanager
def running(settings: Settings, watch: Watcher, *, bare: bool = False) -> Iterator[Run]:
    """Use the run that is up, or start one that ends with the block, however the block ends.

    Raises:
        StackError: it could not be started.

    """
    ours = not control.is_up(settings)
    try:
        state = control.up(settings, watch, end_with_us=ours, bare=bare)
        yield Run(settings, state)
    finally:
        if ours:
            control.down(settings)
