"""A verification does not wait for a job that waits for a person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spaf import clock
from spaf.bench.run import verdict
from spaf.errors import JobError, NotUpError, VerifyError
from spaf.stack.run import Run
from spaf.store import queries
from spaf.topic import admin
from spaf.trouble import CERTAIN_S, Trouble, trouble

LOOP = trouble("job_restarts", cause="c.Root: r", failures=3)
ONCE = trouble("job_restarts", lasting=False, cause="c.Root: r", failures=1)
SILENT = trouble("kafka_silent", address="k:1", setting="S")


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the clock go on only during a sleep."""
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


@pytest.mark.parametrize(
    ("keep_ms", "begin"),
    [
        # Nothing is ever deleted.
        ("-1", {0: 10, 1: 20}),
        # Of partition 0 the first records are about to go, of partition 1 all.
        ("3600000", {0: 15, 1: 90}),
    ],
)
def test_records_that_are_about_to_be_deleted_are_not_read(
    monkeypatch: pytest.MonkeyPatch, keep_ms: str, begin: dict[int, int]
) -> None:
    """They would be gone before their turn."""
    stays: dict[tuple[str, int], int | None] = {("t", 0): 15, ("t", 1): None}
    monkeypatch.setattr(admin, "begin_offsets", lambda *_: {0: 10, 1: 20})
    monkeypatch.setattr(admin, "end_offsets", lambda *_: {0: 80, 1: 90})
    monkeypatch.setattr(admin, "topic_options", lambda *_: {"retention.ms": keep_ms})
    monkeypatch.setattr(admin, "offsets_at_time", lambda *_: stays)
    session = cast("Any", SimpleNamespace(kafka="k:1", topic="t"))
    assert verdict._begin(session) == begin
