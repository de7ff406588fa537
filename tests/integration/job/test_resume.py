"""A job that goes on where another one left off, from that one's checkpoint."""

from __future__ import annotations

from contextlib import closing
from decimal import Decimal
from pathlib import Path

from spaf import clock
from spaf.job import checkpoint
from spaf.job.flink_client import FlinkClient
from spaf.settings import JobSettings
from spaf.stack.process import CWD
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from tests.support.runs import Own, RunJob, Send, Settle

FEW, MORE = 40, 25


def test_a_resumed_job_counts_on(
    stack: Run,
    own: Own,
    send: Send,
    running_job: RunJob,
    settle: Settle,
) -> None:
    """Sums go on from the checkpoint: the sales before it are not read again, nor forgotten."""
    session = own(1)
    settings = stack.settings.model_copy(update={"job": JobSettings(checkpoint_ms=1_000)})
    second = clock.now_ms() // 1_000 - 60
    sale = (
        '{"productId":"p","productCategory":"books","productPrice":0.10,"productQuantity":1,'
        f'"eventTime":{second * 1_000}}}'
    ).encode()
    send(session, 0, [sale, b"garbage"] * FEW)
    with running_job(session, settings, None):
        assert settle(session).exact
    checkpoints = session.job_target(session.topic).checkpoint_folder(settings)
    assert checkpoints is not None
    resume = checkpoint.newest_complete(checkpoints, clock.now_us() / 1e6)
    assert resume is not None

    # Some while no job runs, some while it does; all in the second that the state knows.
    send(session, 0, [sale] * MORE)
    with running_job(session, settings, resume) as job:
        send(session, 0, [sale] * MORE)
        verdict = settle(session)
        with closing(FlinkClient(session.flink)) as client:
            restored = client.get(f"/jobs/{job}/checkpoints")["latest"]["restored"]
    # Flink's name of the path begins with its working directory, the run folder.
    assert Path(restored["external_path"].removeprefix("file:")) == CWD / resume.relative_to(
        session.home.folder
    )
    assert verdict.differences == []
    assert verdict.exact
    assert (verdict.accepted, verdict.rejected) == (FEW + 2 * MORE, FEW)
    with session.access.connect(Role.READ) as connection:
        (row,) = queries.summary(connection)
    count = FEW + 2 * MORE
    assert row == (second, "books", "BRL", count, count, Decimal(count) / 10)
