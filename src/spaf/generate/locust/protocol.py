"""SPAF's routes at Locust's page: paths, header, requests and responses, for both sides."""

from __future__ import annotations

import msgspec

from spaf.generate.anomalies.anomaly import BURST, DROUGHT, KINDS, SURGE

STATUS_PATH = "/spaf/load"
INJECT_PATH = "/spaf/inject"
# CSRF guard: a form of another site cannot set a custom header, so only SPAF's client sends it.
CSRF_HEADER = "X-SPAF"

# Episodes that are short enough to be watched.
INJECTABLE_EPISODES = (SURGE, DROUGHT, BURST)
INJECTABLE_KINDS = (*KINDS, *INJECTABLE_EPISODES)


class LoadStatus(msgspec.Struct, frozen=True):
    """The status of the load, with the counts of the present run, or else of the last one.

    `slots` is the number of due slots of the schedule; an episode sells none or several sales in a
    slot. `delay_ms` is p50 and p99 of the recent publish delay (sent minus due).
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
        """Whether a test is running."""
        return self.state in ("spawning", "running")


class InjectionAccepted(msgspec.Struct, frozen=True):
    """An accepted injection: `seconds` is the length of an episode, `note` a limitation."""

    kind: str
    category: str | None
    seconds: float | None = None
    note: str = ""
    success: bool = True
