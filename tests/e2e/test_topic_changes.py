"""A topic that is deleted and created anew is never counted into the tables of the old one."""

from __future__ import annotations

import pytest

from spaf.settings import environment
from spaf.stack import control
from spaf.stack.process import wait_until
from spaf.stack.run import Run
from spaf.topic.admin import admin_client, ensure_topic
from tests.support.commands import Answer, Spaf

NAMED_S = 10.0
BACK_S = 60.0


# The run is started up to three times.
@pytest.mark.timeout(240)
def test_a_topic_that_was_created_anew_is_refused(
    recovery_run: Run, spaf: Spaf, answer: Answer
) -> None:
    """While the job runs and at the next start, in one sentence; new tables take it."""
    run, folder = recovery_run, recovery_run.home.folder.parent
    home = environment(run.settings)
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()
    admin_client(run.kafka).delete_topics([run.topic])[run.topic].result()
    assert wait_until(lambda: code(run) == "topic_gone", NAMED_S), run.trouble()
    ensure_topic(run.kafka, run.topic, 1)
    assert wait_until(lambda: code(run) == "other_topic", NAMED_S), run.trouble()
    for command in ("status", "verify"):
        assert spaf(folder, command, **home).returncode == 1
    assert wait_until(lambda: run.state().job.state == "refused", NAMED_S), run.state().job
    control.down(run.settings)

    again = spaf(folder, "up", **home)
    assert again.returncode == 1
    assert "it was created anew" in " ".join(again.stderr.split())
    new_tables = {**home, "SPAF_POSTGRES__SCHEMA_NAME": "anew"}
    try:
        assert spaf(folder, "up", **new_tables).returncode == 0
        assert answer(spaf(folder, "verify", "--json", **new_tables))["exact"] is True
    finally:
        spaf(folder, "down", **new_tables)


def code(run: Run) -> str:
    """Return the code of the present cause."""
    found = run.trouble()
    return "" if found is None else found.code
