"""Which jobs are started for the levels of a factor, and what is kept when something fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from spaf import settings
from spaf.bench.progress import no_progress
from spaf.bench.scale import growth as growth_module
from spaf.bench.scale.factors import Conditions, Stack
from spaf.bench.scale.growth import FIRST_LOAD, MORE_RECORDS, Growth, first_load
from spaf.bench.scale.level import LevelResult, Timing
from spaf.bench.scale.scale import ScaleScenario
from spaf.errors import LoadError, StackError


class Jobs:
    """Stands for the stack: notes each start and end of a job, and each visit."""

    def __init__(self) -> None:
        """Start without a job."""
        self.log: list[str] = []
        self.failing: Conditions | None = None

    def prepare(self, _run: object, wanted: Conditions, _progress: object) -> str:
        """Note that a topic is filled."""
        self.log.append(f"fill {wanted.categories}")
        return "run"

    @contextlib.contextmanager
    def job(self, _run: object, wanted: Conditions, _progress: object) -> Iterator[str]:
        """Note the start and the end of a job."""
        self.log.append(f"job {wanted.categories}")
        yield "id"
        self.log.append("end")

    def visit(self, *given: object, **_: object) -> list[LevelResult]:
        """Note a visit, or fail."""
        wanted = given[1]
        assert isinstance(wanted, Conditions)
        if wanted == self.failing:
            raise LoadError("no sale")
        self.log.append(f"visit {wanted.customers}")
        return [LevelResult(1, 1.0, 1.0, None, None, {}, 1.0, counted=True)]


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    """Return what stands for the stack of each Growth."""
    made = Jobs()
    monkeypatch.setattr(growth_module, "prepare", made.prepare)
    monkeypatch.setattr(growth_module, "level_job", made.job)
    monkeypatch.setattr(growth_module, "measure_visit", made.visit)
    monkeypatch.setattr(Growth, "_on", lambda *_: None)
    return made


def measured(factor: str, levels: Sequence[float]) -> Growth:
    """Measure a factor upwards and downwards."""
    growth = Growth(settings.load(), lambda _: None, no_progress)
    with contextlib.closing(growth):
        growth.measure_factor(factor, levels, Timing(0, 1), repeats=2)
    return growth


@pytest.mark.usefixtures("bare")
def test_one_job_sells_levels_that_differ_only_in_the_load(jobs: Jobs) -> None:
    """It ends with the factor."""
    measured("customers", (10, 20))
    visits = ["visit 10", "visit 20", "visit 20", "visit 10"]
    assert jobs.log == ["fill 10", "job 10", *visits, "end"]


@pytest.mark.usefixtures("bare")
def test_other_levels_have_a_job_for_each_visit(jobs: Jobs) -> None:
    """The topic of a level is filled once."""
    measured("categories", (10, 20))
    usual = "visit 5000"
    up = ["fill 10", "job 10", usual, "end", "fill 20", "job 20", usual, "end"]
    assert jobs.log == [*up, "job 20", usual, "end", "job 10", usual, "end"]


@pytest.mark.usefixtures("bare")
def test_job_whose_visit_failed_is_not_used_again(jobs: Jobs) -> None:
    """The other levels are measured with a new one, and the level is visited once more."""
    jobs.failing = Conditions(customers=20)
    growth = measured("customers", (10, 20, 30))
    assert growth.failures == ["customers 20, upwards: no sale", "customers 20, downwards: no sale"]
    assert [len(one.visits) for one in growth.factors["customers"]] == [2, 0, 2]
    up = ["fill 10", "job 10", "visit 10", "end", "fill 10", "job 10", "visit 30"]
    assert jobs.log == [*up, "visit 30", "end", "job 10", "visit 10", "end"]


@pytest.mark.parametrize("task_managers", [1, 2, 4])
def test_the_first_load_reaches_every_task_manager(task_managers: int) -> None:
    """Each JVM compiles its own code: without a task it would be cold when it is measured."""
    wanted = Conditions(task_managers=task_managers)
    first = first_load(wanted.stack)
    assert first.records == FIRST_LOAD.records + MORE_RECORDS * (task_managers - 1)
    assert first.partitions == first.parallelism
    assert first.parallelism == (1 if task_managers == 1 else wanted.stack.slots * task_managers)


@pytest.mark.usefixtures("bare", "jobs")
@pytest.mark.parametrize("first", ["rate", "viewers"])
def test_stack_that_does_not_start_leaves_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Without a measurement the error is the result."""

    def start(_growth: Growth, stack: Stack) -> None:
        if stack.page:
            raise StackError("The page does not start.")

    monkeypatch.setattr(Growth, "_on", start)
    scenario = ScaleScenario(factors=(first, "viewers"), repeats=1)
    if first == "viewers":
        with pytest.raises(StackError, match="does not start"):
            scenario.measure(settings.load(), lambda _: None, no_progress)
        return
    found = scenario.measure(settings.load(), lambda _: None, no_progress)
    assert found.failures == ["the rest: The page does not start."]
    assert len(found.factors[0].levels) == 3
