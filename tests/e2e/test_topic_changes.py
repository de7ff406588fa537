"""A topic that is deleted and created anew is never counted into the tables of the old one.

The tests follow each other on one run, which ends with them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from spaf.settings import Settings, environment
from spaf.stack import control
from spaf.stack.process import ProcessIdentity, wait_until
from spaf.stack.run import Run
from spaf.stack.state import RunFolder
from spaf.topic.admin import admin_client, ensure_topic
from tests.support.commands import Spaf

# Within which a cause is named, as promised, and a reserve for a busy machine, seconds.
NAMED_S = 5.0 + 25.0
BACK_S = 60.0


# Starts the run if the tests before did not.
@pytest.mark.timeout(180)
def test_a_topic_that_was_created_anew_stops_the_job(recovery_run: Run, spaf: Spaf) -> None:
    """The cause is named within seconds, and nothing of the new topic is counted."""
    run = recovery_run
    variables = environment(run.settings)
    assert wait_until(lambda: run.trouble() is None, BACK_S), run.trouble()
    admin_client(run.kafka).delete_topics([run.topic])[run.topic].result()
    assert wait_until(lambda: code(run) == "topic_gone", NAMED_S), run.trouble()
    ensure_topic(run.kafka, run.topic, 1)
    assert wait_until(lambda: code(run) == "other_topic", NAMED_S), run.trouble()
    for command in ("status", "verify"):
        done = spaf(run.home.folder.parent, command, **variables)
        assert (done.returncode, run.topic in done.stdout + done.stderr) == (1, True)
    assert wait_until(lambda: run.state().job.state == "refused", NAMED_S), run.state().job


def code(run: Run) -> str:
    """Return the code of the present cause."""
    found = run.trouble()
    return "" if found is None else found.code


# Starts the run if the tests before did not.
@pytest.mark.timeout(180)
def test_down_leaves_no_process(
    recovery_run: Run, processes: Callable[[Path], list[ProcessIdentity]]
) -> None:
    """Everything that was started has ended; ending it again finds nothing and does no harm."""
    run = recovery_run
    known = processes(run.home.folder)
    assert control.down(run.settings)
    last = (run.home.logs / "spaf.log").read_text().splitlines()[-1]
    assert f" INFO spaf.stack.supervisor: the run ended: SIGTERM from pid {os.getpid()} (" in last
    assert [identity for identity in known if identity.alive()] == []
    assert not control.down(run.settings)
    assert not control.is_up(run.settings)
    assert RunFolder(run.settings.home).folder.exists()


@pytest.mark.timeout(180)
def test_the_next_start_is_refused_too(recovery_settings: Settings, spaf: Spaf) -> None:
    """Its checkpoint is that of the old topic, and so are its tables."""
    again = spaf(recovery_settings.home.parent, "up", **environment(recovery_settings))
    assert again.returncode == 1
    said = " ".join(again.stderr.split())
    assert "it was created anew" in said
    assert "SPAF_POSTGRES__SCHEMA_NAME" in said
