"""The compiled plan: made by set-up for the default settings, by the run for others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from spaf.settings import JobSettings, Settings
from spaf.stack import runtime
from spaf.stack.graph_submission import default_graph
from spaf.stack.state import RunFolder
from spaf.stack.submission import JobTarget, JobVariant
from spaf.store.access import Access


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobTarget:
    """Return a job of an own run, with servers and a topic of its own, and no plan of set-up."""
    monkeypatch.setattr(runtime, "PLANS", tmp_path / "share")
    access = Access.external("postgresql://me:secret@127.0.0.1:1/none", "mine")
    home = RunFolder(tmp_path / "run")
    return JobTarget("127.0.0.1:1", "my-topic", "my-group", access, "http://h:1", home, None)


def test_a_run_with_default_settings_uses_the_plan_of_set_up(target: JobTarget) -> None:
    """Whatever its addresses and names are; without that plan it keeps one of its own."""
    installed = Path(default_graph().plan)
    own = target.plan(Settings.model_construct())
    assert (own.parent, own.name) == (target.home.plans, installed.name)
    installed.parent.mkdir()
    installed.touch()
    assert target.plan(Settings.model_construct()) == installed


def test_other_settings_have_a_plan_of_their_own(target: JobTarget) -> None:
    """A plan depends on the parallelism and on the statements."""
    Path(default_graph().plan).parent.mkdir()
    Path(default_graph().plan).touch()
    for job in (JobSettings(parallelism=2), JobSettings(surge_score=9)):
        own = target.plan(Settings.model_construct(job=job))
        assert own.parent == target.home.plans
        assert own.name != Path(default_graph().plan).name


def test_a_variant_changes_options_and_the_plan_only_where_it_depends_on_them(
    target: JobTarget,
) -> None:
    """Options of a connector and of the runtime are no part of a plan; None is Flink's default."""
    settings = Settings.model_construct()
    own = target.plan(settings)
    length = "table.generated-code.max-length"
    changes = {"execution.checkpointing.interval": None, "pipeline.object-reuse": "false"}
    runtime_only = replace(target, variant=JobVariant(changes, {"flush_rows": 100}))
    request = runtime_only.request(settings, None)
    assert "execution.checkpointing.interval" not in request.options
    assert request.options["pipeline.object-reuse"] == "false"
    assert request.parameters.flush_rows == 100
    assert runtime_only.plan(settings) == own
    planned = replace(target, variant=JobVariant({length: "60000"}))
    assert planned.plan(settings) != own
