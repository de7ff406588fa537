"""The start of a run as the page shows it: what is sent as the event `start`."""

from __future__ import annotations

from enum import StrEnum

import msgspec

# The phase in which the page shows the sales.
RUNNING = "running"


class StageState(StrEnum):
    """How far a stage of the start is."""

    WAITING = "waiting"
    """For the stages in `waits_for`."""
    STARTING = "starting"
    READY = "ready"
    EXTERNAL = "external"
    """Not started by SPAF."""
    FAILED = "failed"
    """The start has ended here."""
    UNFINISHED = "unfinished"
    """The start has ended elsewhere."""


class StartStage(msgspec.Struct, frozen=True, kw_only=True):
    """One stage of the start.

    Attributes:
        name: of the service or step.
        state: how far it is.
        since_ms: when it was started, epoch milliseconds; null before.
        ready_ms: when it was ready.
        waits_for: names of the stages that come first.
        job: state of the job; empty for every other stage.
        reason: why its last process has ended; usually empty.

    """

    name: str
    state: StageState
    since_ms: int | None = None
    ready_ms: int | None = None
    waits_for: list[str] = []
    job: str = ""
    reason: str = ""


class StartView(msgspec.Struct, frozen=True, kw_only=True):
    """The whole start.

    Attributes:
        phase: of the run: `starting`, `running`, `failed` or `stopping`.
        began_ms: when it began, epoch milliseconds.
        stages: in the order in which they are shown.
        message: why it failed, or what else the supervisor has to say, in English.
        cause: why it cannot go on, as in the event `pipeline`.

    """

    phase: str
    began_ms: int
    stages: list[StartStage]
    message: str = ""
    cause: dict[str, object] | None = None
