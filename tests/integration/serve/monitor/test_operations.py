"""The look of each second over a real stack with a real job: what holds, and who is named."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import pytest
from confluent_kafka import Producer

from spaf import clock
from spaf.serve.monitor.operations import INTERVAL_S, PipelinePublisher
from spaf.serve.run_info import JobInfo, RunInfo
from spaf.serve.wiring import PageServices
from spaf.stack.page_source import services
from spaf.stack.process import ProcessIdentity
from spaf.stack.progress import ProgressRecorder
from spaf.stack.resource_usage import ResourceUsage
from spaf.stack.run import Run
from tests.support.runs import Own, RunJob, Send

PATIENCE_S = 30.0
# From the signal to the message that names the stage: 1 to 2.2 s where the machine has nothing else
# to do, and these tests do not run alone.
NAMED_WITHIN_S = 5.0
# Looks without a culprit, one after the other, before something is stopped.
QUIET_LOOKS = 3
TERMS = ("accepted", "duplicates", "late", "rejected", "in_flight")


class Page:
    """Looks each second, and keeps what was published."""

    def __init__(self, shown: RunInfo) -> None:
        """Prepare; nothing is looked at yet."""
        self.live = PageServices(shown)
        self.hub = self.live.hub
        self.publisher = PipelinePublisher(shown, self.hub)
        self.accounts: list[dict[str, Any]] = []

    async def poll(self) -> dict[str, Any]:
        """Look once; return the pipeline."""
        began = clock.monotonic()
        await self.publisher.publish()
        accounts = self.hub.fresh("accounts")
        if accounts is not None:
            self.accounts.append(_data(accounts))
        await asyncio.sleep(max(0.0, began + INTERVAL_S - clock.monotonic()))
        return _data(self.hub.fresh("pipeline"))

    async def until(self, what: Callable[[dict[str, Any]], bool]) -> float:
        """Look until something shows; return how long that took, seconds."""
        began = clock.monotonic()
        while not what(await self.poll()):
            assert clock.monotonic() - began < PATIENCE_S, self.hub.fresh("pipeline")
        # The look ended before its pause.
        return clock.monotonic() - began


def _data(published: object) -> dict[str, Any]:
    assert isinstance(published, dict)
    return published


@asynccontextmanager
async def selling(session: Run) -> AsyncIterator[None]:
    """Send some 50 sales a second for the length of a block."""
    producer = Producer({"bootstrap.servers": session.kafka})
    sale = {"productId": "p", "productCategory": "toys", "productPrice": 1, "productQuantity": 1}

    async def send() -> None:
        while True:
            producer.produce(session.topic, json.dumps(sale | {"sentAt": clock.now_us()}))
            producer.poll(0)
            await asyncio.sleep(0.02)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.to_thread(producer.flush, PATIENCE_S)


@contextmanager
def paused(session: Run, name: str) -> Iterator[None]:
    """Stop a service of the stack for the length of a block, by its own pid."""
    (state,) = [
        service for service in session.state().services.values() if service.name.startswith(name)
    ]
    assert isinstance(state.identity(), ProcessIdentity)
    assert state.pid is not None
    os.kill(state.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(state.pid, signal.SIGCONT)


@pytest.fixture(scope="module")
def job(own: Own, running_job: RunJob, stack: Run) -> Iterator[tuple[Run, str]]:
    """Yield a topic of this module's own and the job that reads it."""
    session = own(1)
    with running_job(session, stack.settings, None) as job:
        # As the supervisor does from the start on.
        ProgressRecorder(session.job_target(session.topic)).record(job)
        yield session, job


@pytest.fixture
def page(job: tuple[Run, str], run_info: Callable[..., RunInfo]) -> Iterator[tuple[Run, Page]]:
    """Yield a page over the topic and its job."""
    session, job_id = job
    costs = ResourceUsage()
    info = run_info(
        session,
        services=lambda: services(session.home, costs),
        job=lambda: JobInfo("RUNNING", job_id),
        links=lambda: {"flink": session.flink, "locust": None},
    )
    shown = Page(info)
    try:
        yield session, shown
    finally:
        shown.publisher.probe.close()
        assert all(probe.join(PATIENCE_S) for probe in shown.publisher.probe.probes)


def test_the_equation_holds_while_sales_come(page: tuple[Run, Page]) -> None:
    """In every message; and the stages have their rates, delays and costs."""
    session, shown = page

    async def watch() -> dict[str, Any]:
        reading = asyncio.create_task(shown.live.reader.follow())
        try:
            async with selling(session):
                await shown.until(lambda p: _stage(p, "flink")["p99_ms"] is not None)
                return await shown.poll()
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
            await shown.live.close()

    pipeline = asyncio.run(watch())
    for account in shown.accounts:
        assert account["produced"] == sum(account[term] for term in TERMS)
        assert account["unaccounted"] == 0
    assert shown.accounts[-1]["accepted"] > 50
    assert pipeline["culprit"] is None
    for name in ("kafka", "flink", "postgres"):
        stage = _stage(pipeline, name)
        assert stage["state"] == "running"
        assert stage["rate"] > 0
        assert 0 <= stage["p50_ms"] <= stage["p99_ms"]
        assert stage["rss_mib"] > 10
    assert _stage(pipeline, "flink")["cpu_percent"] > 0


@pytest.mark.parametrize(
    ("service", "stage"), [("taskmanager", "flink"), ("kafka", "kafka"), ("jobmanager", "flink")]
)
def test_a_service_that_is_stopped_is_named(
    page: tuple[Run, Page], service: str, stage: str
) -> None:
    """Within three seconds; and when it goes on, all is well again by itself."""
    session, shown = page

    async def watch() -> float:
        async with selling(session):
            await shown.until(lambda p: (_stage(p, "flink")["rate"] or 0) > 20)
            quiet = 0
            while quiet < QUIET_LOOKS:  # a machine that is very busy stands still at times
                quiet = quiet + 1 if (await shown.poll())["culprit"] is None else 0
            with paused(session, service):
                took = await shown.until(lambda p: p["culprit"] == stage)
            await shown.until(lambda p: p["culprit"] is None)
            return took

    took = asyncio.run(watch())
    # What `until` adds is the pause behind the last look.
    assert took - INTERVAL_S <= NAMED_WITHIN_S
    assert all(
        account["produced"] == sum(account[term] for term in TERMS) for account in shown.accounts
    )


def test_unreadable_records_name_no_bottleneck(page: tuple[Run, Page]) -> None:
    """They wait for the next checkpoint to be counted, which no stage delays."""
    session, shown = page
    producer = Producer({"bootstrap.servers": session.kafka})

    async def watch() -> list[str | None]:
        found = []
        for _ in range(5):
            producer.produce(session.topic, b"{ this is none")
            producer.flush(PATIENCE_S)
            found.append((await shown.poll())["culprit"])
        return found

    assert set(asyncio.run(watch())) == {None}


def test_a_real_sale_is_pushed(
    job: tuple[Run, str], serve_again: Callable[[Run], Any], open_stream: Any, send: Send
) -> None:
    """Through the job into the tables and on to the viewer, with its money."""
    session, _ = job
    viewer = open_stream(serve_again(session))
    # In a currency of its own, next to what the other tests have sold.
    sale = {"productId": "p", "productCategory": "books", "productPrice": 2.5, "currency": "EUR"}
    send(session, 0, [json.dumps(sale | {"productQuantity": 3}).encode()] * 4)
    assert viewer.receives(lambda v: v.sums().get("EUR") == [4, 12, "3000"])
    found = {key[1:] for key in viewer.rows()}
    assert {category for category, currency in found if currency == "EUR"} == {"books"}


def _stage(pipeline: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [stage for stage in pipeline["stages"] if stage["name"] == name]
    return dict(found)
