"""A verification does not wait for a job that waits for a person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast

import pytest

from spaf import clock
from spaf.bench.run import verdict
from spaf.errors import JobError, NotUpError, VerifyError
from spaf.stack.run import Run
from spaf.store import queries
from spaf.trouble import CERTAIN_S, Trouble, trouble

LOOP = trouble("job_restarts", cause="c.Root: r", failures=3)
ONCE = trouble("job_restarts", lasting=False, cause="c.Root: r", failures=1)
SILENT = trouble("kafka_silent", address="k:1", setting="S")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the clock go on only while somebody sleeps."""
    now = [0.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    monkeypatch.setattr(clock, "sleep", lambda length: now.__setitem__(0, now[0] + length))
    return now


def run(found: Trouble | None, *, ended: bool = False) -> Run:
    """Return a run with this cause."""

    @contextlib.contextmanager
    def session(_: object) -> Iterator[None]:
        yield

    def no_job() -> None:
        raise NotUpError("Nothing runs.")

    def present() -> Trouble | None:
        if ended:
            raise NotUpError("Nothing runs.")
        return found

    return cast(
        "Run",
        SimpleNamespace(
            access=SimpleNamespace(session=session),
            state=no_job,
            flink="http://127.0.0.1:9",
            trouble=present,
            lasting_trouble=lambda: present() if found and found.lasting else None,
            kafka="k:1",
            topic="t",
        ),
    )


@pytest.mark.parametrize(
    ("found", "ended", "waited_s"),
    [
        (LOOP, False, CERTAIN_S),
        (ONCE, False, verdict.STALLED_S),
        (None, False, verdict.STALLED_S),
        (LOOP, True, verdict.STALLED_S),
    ],
)
def test_only_a_lasting_cause_ends_the_wait_early(
    monkeypatch: pytest.MonkeyPatch,
    seconds: list[float],
    found: Trouble | None,
    *,
    ended: bool,
    waited_s: float,
) -> None:
    """SPAF mends the others by itself."""
    monkeypatch.setattr(queries, "done_offsets", lambda _: {0: 5})
    shown: list[str] = []
    with pytest.raises(JobError) as caught:
        verdict.wait_until_done(
            run(found, ended=ended), {0: 9}, lambda doing, *_, **__: shown.append(doing)
        )
    assert seconds[0] == pytest.approx(waited_s, abs=0.5)
    assert ("c.Root: r" in caught.value.what) == (waited_s == CERTAIN_S)
    assert ("c.Root: r" in "".join(shown)) == (found is not None and not ended)
    assert "--so-far" in caught.value.todo


def test_no_server_is_waited_for_that_does_not_answer() -> None:
    """A table that is locked for writers can be read."""
    with pytest.raises(VerifyError, match="Kafka at k:1 does not answer"):
        verdict._require_servers(run(SILENT))
    for found in (None, LOOP, trouble("client_timestamps", topic="t", address="k:1", value="x")):
        verdict._require_servers(run(found))


def test_records_that_were_counted_and_deleted_cannot_be_recomputed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A topic that was never complete is verified from where the job began."""
    monkeypatch.setattr(queries, "start_offsets", lambda _: {0: 0, 1: 7})
    verdict._require_beginning(run(None), {0: 0, 1: 7})
    with pytest.raises(VerifyError, match=r"begins at offset 50: 50 records that were counted"):
        verdict._require_beginning(run(None), {0: 50, 1: 7})
