"""The tuning ladder: what each setting does to latency and cost, and all defaults at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Self

import msgspec

from spaf.bench.progress import Progress
from spaf.bench.scale.level import Timing
from spaf.bench.scenario import Names, Result, Scenario, Seconds, Table, option
from spaf.bench.throughput.drain import EVENT_BYTES
from spaf.bench.tuning.ladder import Ladder, stack
from spaf.bench.tuning.noise import FIGURES, Baseline
from spaf.bench.tuning.rungs import RUNGS, Rung
from spaf.bench.tuning.visit import RATE, Visit
from spaf.errors import SettingsError, SpafError
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.doctor.folder import MIN_FREE_MIB, require_space
from spaf.stack.state import RunFolder

# Sales that come before those that are measured: the drain has compiled most of the code.
WARM_UP_S = 2.0
# A multiple of the time between two checkpoints (5 s), so that every measurement has as many.
SECONDS, QUICK_SECONDS = Seconds(15), Seconds(10)
EVENTS, QUICK_EVENTS = 500_000, 250_000
COLUMNS = ("setting", "ours", "tried", "p50 ms", "p99 ms", "µs/event", "cores", "")
INTERRUPTED = "interrupted"
NO_BASELINE = "ours: no measurement is valid"


class TunedSetting(msgspec.Struct, frozen=True):
    """One setting with another value than ours; a missing figure is null, and has a reason."""

    name: str
    key: str
    ours: str
    tried: str
    p50_ms: float | None
    p99_ms: float | None
    cpu_us_per_event: float | None
    cores: float | None
    verdict: str
    """What differs from ours by more than the noise."""
    effects: dict[str, float]
    """By how much, by figure, in its unit."""
    reason: str = ""

    @classmethod
    def of(cls, rung: Rung, settings: Settings, visit: Visit, baseline: Baseline) -> Self:
        """Return the figures of a rung, compared with ours."""
        effects = {
            figure: effect
            for figure in FIGURES
            if (value := getattr(visit, figure)) is not None
            and (effect := baseline.effect(figure, value)) is not None
        }
        return cls(
            name=rung.name,
            key=rung.key,
            ours=rung.ours(settings),
            tried=rung.tried,
            verdict=baseline.verdict(visit),
            effects=effects,
            **msgspec.structs.asdict(visit),
        )

    def row(self) -> tuple[object, ...]:
        """Return the cells of the table."""
        figures = (getattr(self, figure) for figure in FIGURES)
        return self.name, self.ours, self.tried, *figures, self.reason or self.verdict


class TuningResult(Result, frozen=True):
    """What was measured until the end, or until it was interrupted."""

    rate: float
    seconds: float
    events: int
    baseline: Baseline
    settings: list[TunedSetting]
    interrupted: bool
    failures: list[str]

    @property
    def reasons(self) -> list[str]:
        """Why figures are missing."""
        ours = [f"ours: {why}" for why in self.baseline.reasons]
        rungs = [f"{one.name}: {one.reason}" for one in self.settings if one.reason]
        return [*self.failures, *ours, *rungs, *([INTERRUPTED] if self.interrupted else [])]

    @property
    def invalid(self) -> list[str]:
        """The same if nothing can be compared; a missing part makes only itself invalid."""
        if all(getattr(self.baseline, figure) for figure in FIGURES):
            return []
        return [NO_BASELINE, *self.reasons]

    def tables(self) -> Iterable[Table]:
        """Return a row for ours, with its range, and a row a setting."""
        own = [(figure, getattr(self.baseline, figure)) for figure in FIGURES]
        ours = [self.baseline.median.get(figure) for figure in FIGURES]
        ranges = [f"{min(values):g}-{max(values):g}" if values else "" for _, values in own]
        repeats = max((len(values) for _, values in own), default=0)
        rows = [
            (f"ours, median of {repeats}", "", "", *ours, ""),
            ("ours, range", "", "", *ranges, "the noise"),
            *(one.row() for one in self.settings),
        ]
        title = (
            f"due → visible in PostgreSQL at {RATE:g} sales/s, processor time of a drain, "
            "cores of all services"
        )
        yield Table(title, COLUMNS, rows)

    def summary(self) -> str:
        """Return the keys of the settings: the table has only their names."""
        return "\n".join(f"{one.name}: {one.key}" for one in self.settings if one.key)


class TuningScenario(Scenario, frozen=True):
    """Change one setting of Flink, Kafka's client, Java or PostgreSQL at a time; latency and cost.

    A setting has its default in place of our value, or, where ours is the default, a value that is
    often recommended; the last row has all defaults at once. Each job reads a full topic (processor
    time an event), then 100 sales a second (latency, cores). Our own settings are measured first,
    in the middle and last: a difference within their range is within the noise.
    """

    judges_intervals: ClassVar[bool] = True

    names: Annotated[
        Names,
        option(
            f"Settings to change, with commas between: {','.join(RUNGS)}. By default all.",
            flag="--settings",
        ),
    ] = ()
    seconds: Annotated[
        Seconds,
        option(
            f"How long to sell with each setting. By default {SECONDS:g}s; with --quick "
            f"{QUICK_SECONDS:g}s.",
            flag="--for",
        ),
    ] = Seconds(0)
    events: Annotated[
        int, option(f"Events in the topic. 0: {EVENTS:,}, with --quick {QUICK_EVENTS:,}.", ge=0)
    ] = 0
    quick: Annotated[bool, option("All settings in less than twelve minutes, each shorter.")] = (
        False
    )

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of services of our own, whose run folder is deleted at the end."""
        return stack(settings, {})

    def prepare(self, settings: Settings) -> Iterable[str]:
        """Check the names, and that the disk has room.

        Raises:
            SettingsError: there is no such setting.
            StackError: the disk is too small.

        """
        unknown = [name for name in self.names if name not in RUNGS]
        if unknown:
            raise SettingsError(
                f"--settings: there is no setting {unknown[0]!r}.", todo=f"Of: {', '.join(RUNGS)}"
            )
        mib = MIN_FREE_MIB + self._events * EVENT_BYTES // 2**20
        require_space(RunFolder(settings.home), mib)
        return ()

    @property
    def _events(self) -> int:
        return self.events or (QUICK_EVENTS if self.quick else EVENTS)

    @property
    def _timing(self) -> Timing:
        return Timing(WARM_UP_S, self.seconds or (QUICK_SECONDS if self.quick else SECONDS))

    def rungs(self) -> list[Rung]:
        """Return the settings that are changed, in the order of the table."""
        return [rung for name, rung in RUNGS.items() if name in self.names or not self.names]

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> TuningResult:
        """Measure rung after rung on services of our own.

        Raises:
            SpafError: the services do not start, and nothing was measured by then.

        """
        timing = self._timing
        ladder = Ladder(settings, watch, progress, timing, self._events)
        failures, interrupted = [], False
        try:
            ladder.climb(self.rungs())
        except KeyboardInterrupt:
            interrupted = True
        except SpafError as error:
            if not ladder.measured:
                raise
            failures.append(f"the rest: {error.what}")
        finally:
            ladder.close()
        baseline = Baseline.of(ladder.ours)
        chosen = self.settings(settings)
        return TuningResult(
            rate=RATE,
            seconds=timing.seconds,
            events=self._events,
            baseline=baseline,
            settings=[
                TunedSetting.of(rung, chosen, ladder.visits[rung.name], baseline)
                for rung in self.rungs()
                if rung.name in ladder.visits
            ],
            interrupted=interrupted,
            failures=failures,
        )
