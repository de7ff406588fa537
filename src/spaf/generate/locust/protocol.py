"""What Locust's page tells and takes at SPAF's own addresses: the words of both sides."""

from __future__ import annotations

import msgspec

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, KINDS, SURGE

LOOK_PATH = "/spaf/load"
INJECT_PATH = "/spaf/inject"
# Whoever sends it knows whom he speaks to.
DESK_HEADER = "X-SPAF"

EPISODE_WISHES = (SURGE, DROUGHT, BURST)
# What may be wished for: a sale, or an episode that is short enough to be watched.
WISHES = (*KINDS, *EPISODE_WISHES)


class LoadStatus(msgspec.Struct, frozen=True):
    """What the load does now: counts are those of the run under way, or of the last one.

    `slots` of the schedule have come due; an episode sells none or several in one. `delay_ms` has
    the publish delay, sent minus due, p50 and p99 of the last seconds.
    """

    state: str
    users: int
    rate: float
    intended: int
    acked: int
    failed: int
    run_id: str = ""
    delay_ms: tuple[float, float] | None = None
    slots: int | None = None

    @property
    def selling(self) -> bool:
        """Whether a test is under way."""
        return self.state in ("spawning", "running")


class InjectionAccepted(msgspec.Struct, frozen=True):
    """What became of a wish: a sale has no length; `note` says what may keep it from being seen."""

    kind: str
    category: str | None
    seconds: float | None = None
    note: str = ""
    success: bool = True
