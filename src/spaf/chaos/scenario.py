"""`spaf chaos`: makes the faults of a plan in a run of its own, under load, and proves each."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from spaf import clock
from spaf.bench.progress import Progress, say
from spaf.bench.results.recording import following
from spaf.bench.scenario import Names, Scenario, Seconds, option
from spaf.chaos.fault import FaultKind, Scene, Surroundings
from spaf.chaos.growth import LongRunGrowth
from spaf.chaos.outcome import ChaosResult, FaultOutcome, not_made, summarised
from spaf.chaos.plan import PlannedFault, endless, plan
from spaf.chaos.registry import KINDS
from spaf.chaos.run_settings import with_free_ports, with_own_services
from spaf.chaos.session import ChaosSession, Proof, problem_of
from spaf.errors import SettingsError, SpafError
from spaf.generate.rate import MAX_RATE, MIN_RATE
from spaf.settings import Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import Run

# Sub-folder of the run folder of the settings.
FOLDER = "chaos"
FAULTS = 10
# What two cores carry together with all services, the page and a verification, sales/s.
RATE = 500.0
MAX_FAULTS = 10_000
# A run with more records is followed by a new one: each verification reads all of them.
MAX_RECORDS = 250_000
# A verification may take this share of the time since the last one; else it is left to a later one.
# Of a soak, whose topic grows for hours, less: its load should not be the verification.
VERIFY_SHARE = 0.5
SOAK_VERIFY_SHARE = 0.1
# Between two faults of a soak, seconds.
SOAK_PAUSE_S = (20.0, 60.0)
# Separates the random numbers of the pauses from those of the plan.
PAUSES = "pauses"
UNPROVEN = "interrupted before everything was verified"


class ChaosScenario(Scenario, frozen=True):
    """Make faults in a run of its own, under load; time to current rows, and a proof of each."""

    seed: Annotated[int, option("Seed of the plan: the same one gives the same faults.", ge=0)] = 1
    faults: Annotated[int, option("How many faults.", ge=1, le=MAX_FAULTS)] = FAULTS
    kinds: Annotated[Names, option("Kinds of faults, with commas; without, all usual ones.")] = ()
    rate: Annotated[float, option("Sales a second.", ge=MIN_RATE, le=MAX_RATE)] = RATE
    pairs: Annotated[bool, option("Hit two services at once.", flag="--pairs/--no-pairs")] = False
    only: Annotated[int, option("Make only the fault with this number of the plan.", ge=0)] = 0
    soak: Annotated[
        Seconds, option("Make faults every 20 to 60 s for this long, such as 4h.", flag="--soak")
    ] = Seconds(0)

    def settings(self, settings: Settings) -> Settings:
        """Return the settings of the run: those of the user, with services of its own."""
        return with_own_services(settings).model_copy(update={"home": settings.home / FOLDER})

    def prepare(self, settings: Settings) -> Iterable[str]:  # noqa: ARG002 - as in Scenario
        """Check the kinds; say which plan it is, and what this machine cannot make.

        Raises:
            SettingsError: there is no such kind, or none that has pairs.

        """
        kinds = self.chosen()
        yield f"Plan of seed {self.seed}: {'a soak' if self.soak else f'{self.faults} faults'}."
        for kind in kinds.values():
            problem = kind.unavailable()
            if problem:
                yield f"{kind.name} cannot be made here: {problem}"

    @property
    def verify_share(self) -> float:
        """The share of the time since the last verification that one may take."""
        return SOAK_VERIFY_SHARE if self.soak else VERIFY_SHARE

    def chosen(self) -> Mapping[str, FaultKind]:
        """Return the kinds of the options.

        Raises:
            SettingsError: there is no such kind, or none that has pairs.

        """
        unknown = [name for name in self.kinds if name not in KINDS]
        if unknown:
            raise SettingsError(
                f"--kinds {unknown[0]}: no kind of fault.", todo=f"There are: {', '.join(KINDS)}."
            )
        usual = [name for name, kind in KINDS.items() if not kind.by_name]
        kinds = {name: KINDS[name] for name in self.kinds or usual}
        paired = [kind.name for kind in KINDS.values() if kind.pairs]
        if self.pairs and not any(kind.pairs for kind in kinds.values()):
            raise SettingsError(
                "--pairs: none of these kinds hits two services.", todo=f"Use {', '.join(paired)}."
            )
        return kinds

    def planned(self) -> Iterator[PlannedFault]:
        """Yield the faults of the plan; those of a soak have no end."""
        if self.soak:
            return endless(self.seed, self.chosen(), pairs=self.pairs)
        count = self.only or self.faults
        faults = plan(self.seed, count, self.chosen(), pairs=self.pairs)
        return iter(faults[-1:] if self.only else faults)

    def repeat(self, number: int) -> str:
        """Return the command that makes a fault again."""
        words = ["spaf chaos", f"--seed {self.seed}", f"--only {number}"]
        if self.kinds:
            words.append(f"--kinds {','.join(self.kinds)}")
        if self.rate != RATE:
            words.append(f"--rate {self.rate:g}")
        if self.pairs:
            words.append("--pairs")
        return " ".join(words)

    def measure(self, settings: Settings, watch: Watcher, progress: Progress) -> ChaosResult:
        """Start runs of its own, one after the other, and delete them at the end."""
        faults = Faults(self)
        with contextlib.ExitStack() as opened:
            own, around = self._surrounded(settings, opened, faults)
            while faults.goes_on:
                control.down(own, wipe=True)
                opened.callback(control.down, own, wipe=True)
                try:
                    run = Run(own, control.up(own, watch, end_with_us=True))
                    control.wait_for_page(own, watch)
                    with following(run):
                        faults.make_in(_scene(run, self.rate, around), progress)
                except KeyboardInterrupt:
                    faults.interrupted = True
                except SpafError as error:
                    # What was made before is not lost.
                    if not faults.end(problem_of(error)):
                        raise
        return faults.result()

    def measure_run(self, run: Run, progress: Progress) -> ChaosResult:
        """Make the faults in a run that is up, which goes on after them.

        Raises:
            SpafError: the load could not be started.

        """
        faults = Faults(self, max_records=None)
        while faults.goes_on:
            faults.make_in(_scene(run, self.rate, {}), progress)
        return faults.result()

    def _surrounded(
        self, settings: Settings, opened: contextlib.ExitStack, faults: Faults
    ) -> tuple[Settings, Mapping[type[Surroundings], Surroundings]]:
        """Build what the planned kinds need around the run; return its settings."""
        own = with_free_ports(self.settings(settings))
        around: dict[type[Surroundings], Surroundings] = {}
        for needed in faults.surroundings():
            surroundings = needed()
            opened.callback(surroundings.close)
            try:
                own = surroundings.open(own)
            except (OSError, SpafError) as error:
                faults.unavailable[needed] = problem_of(error)
            else:
                around[needed] = surroundings
        return own, around


class Faults:
    """The faults of a scenario as they are made, over several runs."""

    def __init__(self, scenario: ChaosScenario, *, max_records: int | None = MAX_RECORDS) -> None:
        """Plan them.

        Args:
            scenario: the options.
            max_records: a run that has more is followed by another one; None: it is not.

        """
        self._scenario = scenario
        self._kinds = scenario.chosen()
        self._max_records = None if scenario.soak else max_records
        self._pending = scenario.planned()
        self._next = next(self._pending, None)
        self._pauses = random.Random(f"{scenario.seed} {PAUSES}")  # noqa: S311 - repeatable
        self._began = clock.monotonic()
        self._outcomes: list[FaultOutcome] = []
        self._proofs: list[Proof] = []
        self._growth: list[LongRunGrowth] = []
        self.unavailable: dict[type[Surroundings], str] = {}
        self.interrupted = False

    @property
    def goes_on(self) -> bool:
        """Whether there is another fault to make."""
        over = self._scenario.soak and clock.monotonic() - self._began >= self._scenario.soak
        return self._next is not None and not self.interrupted and not over

    def surroundings(self) -> list[type[Surroundings]]:
        """Return what the kinds of the plan need around the run, each once."""
        if self._scenario.soak:
            kinds = list(self._kinds.values())
        else:
            kinds = [self._kinds[fault.kind] for fault in self._scenario.planned()]
        needed = [kind.surroundings for kind in kinds if kind.surroundings is not None]
        return list(dict.fromkeys(needed))

    def make_in(self, scene: Scene, progress: Progress) -> None:
        """Make faults in a run until there are no more, or it is better to have another run.

        Raises:
            SpafError: the load could not be started.

        """
        # Until it is known: a second Ctrl-C ends the verification, too.
        proof = Proof.missing(UNPROVEN)
        chosen = self._scenario
        with ChaosSession(
            scene,
            self._kinds,
            chosen.repeat,
            verify_share=chosen.verify_share,
            soak=chosen.soak > 0,
        ) as session:
            try:
                self._make_all(session, progress)
            except KeyboardInterrupt:
                self.interrupted = True
            try:
                proof = session.finish(progress)
            finally:
                self._proofs.append(proof)
        self._growth = session.growth.growth()

    def end(self, problem: str) -> bool:
        """Make no more faults, because there is no run for them; return whether any was made."""
        self._proofs.append(Proof.missing(problem))
        self._next = None
        return bool(self._outcomes)

    def _make_all(self, session: ChaosSession, progress: Progress) -> None:
        while (planned := self._next) is not None and self.goes_on:
            problem = self._problem(planned)
            if problem:
                outcome = not_made(planned, problem, self._scenario.repeat(planned.number))
            else:
                outcome = session.make(planned, progress)
            self._outcomes.append(outcome)
            say(progress, outcome.line)
            if outcome.failure:
                say(progress, f"     again: {outcome.repeat}")
            self._next = next(self._pending, None)
            if outcome.made and outcome.recovery_s is None:
                return
            if self._max_records is not None and session.records > self._max_records:
                return
            if self._scenario.soak:
                session.rest(self._pauses.uniform(*SOAK_PAUSE_S))

    def _problem(self, planned: PlannedFault) -> str:
        """Return why the surroundings of a fault could not be built; empty if they are there."""
        needed = self._kinds[planned.kind].surroundings
        return "" if needed is None else self.unavailable.get(needed, "")

    def result(self) -> ChaosResult:
        """Return the outcomes, the proofs and what has grown."""
        made = [outcome for outcome in self._outcomes if outcome.made]
        proofs = self._proofs
        return ChaosResult(
            seed=self._scenario.seed,
            rate=self._scenario.rate,
            planned=len(self._outcomes) if self._scenario.soak else self._scenario.faults,
            made=len(made),
            not_made=len(self._outcomes) - len(made),
            seconds=round(clock.monotonic() - self._began, 1),
            sales_acknowledged=sum(proof.acked for proof in proofs),
            sales_failed=sum(proof.failed for proof in proofs),
            lost=sum(proof.lost for proof in proofs),
            records=sum(proof.records for proof in proofs),
            differences=sum(proof.differences for proof in proofs),
            exact=bool(proofs) and all(proof.exact for proof in proofs),
            errors=[proof.error for proof in proofs if proof.error]
            or ([] if proofs else [UNPROVEN]),
            interrupted=self.interrupted,
            faults=self._outcomes,
            summary_by_target=summarised(self._outcomes),
            growth=self._growth,
        )


def _scene(run: Run, rate: float, around: Mapping[type[Surroundings], Surroundings]) -> Scene:
    def up() -> None:
        control.up(run.settings, lambda _: None, end_with_us=True)

    return Scene(run, up, rate, around)
