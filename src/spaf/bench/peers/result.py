"""What `spaf bench peers` has found: a row a program, and how ours compare with the fastest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import msgspec

from spaf.bench.peers.drain import PeerDrain
from spaf.bench.peers.live import PeerLatency
from spaf.bench.scenario import Result, Table

AGGREGATES, FULL_JOB = "spaf aggregates", "spaf full job"
OWN = (AGGREGATES, FULL_JOB)
# How many times the drain of the fastest peer ours is to reach.
GOALS = {AGGREGATES: 2.5, FULL_JOB: 1.2}
INTERRUPTED = "interrupted: the parts up to then"
COLUMNS = (
    *("program", "version", "lines", "events/s", "CPU µs/event", "exact", "p50/p99 at 100"),
    *("p50/p99 at 1000", "MiB", "bad record", "after kill -9"),
)


class PeerRow(msgspec.Struct, frozen=True):
    """One program; a part that is missing is None, and `error` says why."""

    version: str
    lines: int
    settings: str
    drain: PeerDrain | None = None
    latency: dict[str, PeerLatency] | None = None
    """By rate."""
    memory_mib: float | None = None
    """The largest over drain and load, of all its processes."""
    bad_record: str | None = None
    after_kill: str | None = None
    error: str | None = None


class PeerRatio(msgspec.Struct, frozen=True):
    """Our drain divided by that of the fastest peer."""

    peer: str
    ratio: float
    goal: float
    met: bool

    @classmethod
    def of(cls, name: str, rows: Mapping[str, PeerRow]) -> Self | None:
        """Return that of a row of ours; None if it, or every peer, has no drain.

        A peer whose rows are wrong is no peer in this: it has done something else.
        """
        own = rows[name].drain if name in rows else None
        rates = {
            peer: row.drain.events_per_second
            for peer, row in rows.items()
            if peer not in OWN and row.drain is not None and row.drain.exact is not False
        }
        if own is None or not rates:
            return None
        fastest = max(rates, key=rates.__getitem__)
        ratio = own.events_per_second / rates[fastest]
        return cls(fastest, round(ratio, 2), GOALS[name], ratio >= GOALS[name])


class PeersResult(Result, frozen=True):
    """A row a program, ours among them."""

    events: int
    """In the topic of the drains."""
    peers: dict[str, PeerRow]
    ratios: dict[str, PeerRatio]
    """By the name of our row."""
    interrupted: bool = False

    @classmethod
    def of(cls, events: int, rows: dict[str, PeerRow], *, interrupted: bool = False) -> Self:
        """Return the result of the rows."""
        ratios = {name: PeerRatio.of(name, rows) for name in OWN}
        known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
        return cls(events, rows, known, interrupted)

    @property
    def reasons(self) -> list[str]:
        """Why a row of ours has no figures: those of a peer are a finding, not a failure."""
        reasons = [INTERRUPTED] if self.interrupted else []
        for name in OWN:
            row = self.peers.get(name)
            if row is not None and row.error:
                reasons.append(f"{name}: {row.error}")
            elif row is not None and row.drain is not None and row.drain.exact is False:
                reasons.append(f"{name}: the drain is not exact")
        return reasons

    @property
    def invalid(self) -> list[str]:
        """The same if no row has a figure."""
        return [] if any(row.drain or row.latency for row in self.peers.values()) else self.reasons

    def tables(self) -> Iterable[Table]:
        """Return a row a program, then their settings."""
        rows = sorted(self.peers.items(), key=lambda item: -_rate(item[1]))
        yield Table("the same aggregation", COLUMNS, [_cells(name, row) for name, row in rows])
        yield Table(
            "how each was run",
            ("program", "settings"),
            [(name, row.settings) for name, row in rows],
        )

    def summary(self) -> str:
        """Return errors, drains that were ended, and the goals."""
        lines = [f"{name}: {row.error}" for name, row in self.peers.items() if row.error]
        lines += [
            f"{name}: the drain was ended before its end; the figures are those until then"
            for name, row in self.peers.items()
            if row.drain is not None and not row.drain.complete
        ]
        for name, ratio in self.ratios.items():
            met = "met" if ratio.met else f"missed by {ratio.goal - ratio.ratio:.2f}"
            lines.append(
                f"{name}: {ratio.ratio:.2f} times the drain of the fastest peer, {ratio.peer}; "
                f"the goal of {ratio.goal:g} is {met}"
            )
        return "\n".join(lines)


def _rate(row: PeerRow) -> int:
    return 0 if row.drain is None else row.drain.events_per_second


def _cells(name: str, row: PeerRow) -> tuple[Any, ...]:
    drain = row.drain
    figures = (
        (None, None, None)
        if drain is None
        else (drain.events_per_second, drain.cpu_us_per_event, drain.exact)
    )
    latency = [(row.latency or {}).get(rate) for rate in ("100", "1000")]
    shown = [spread and f"{spread.p50_ms:.1f} / {spread.p99_ms:.1f}" for spread in latency]
    rest = row.memory_mib, row.bad_record, row.after_kill
    return name, row.version, row.lines, *figures, *shown, *rest
