"""What one Locust process keeps: a producer, the shop, and the run that is under way."""

from __future__ import annotations

import gc
import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import gevent  # type: ignore[import-untyped]
import msgspec
from gevent.event import Event  # type: ignore[import-untyped]

from spaf import clock
from spaf.errors import LoadError
from spaf.generate.locust import locust_stats
from spaf.generate.locust.load_result import LoadResult, PublishDelay
from spaf.generate.locust.locust_api import desk
from spaf.generate.locust.options import exact, read_live, read_options
from spaf.generate.locust.protocol import LoadStatus
from spaf.generate.locust.publisher import Publisher
from spaf.generate.locust.rate_control import RateControl
from spaf.generate.shop import catalogue
from spaf.generate.shop.schedule import MICROSECONDS
from spaf.generate.shop.stream import SaleStream
from spaf.topic.admin import partitions
from spaf.topic.producer import DELIVERY_TIMEOUT_MS, open_producer

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Never

    from locust.env import Environment

    from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
    from spaf.generate.locust.histogram import Counts
    from spaf.generate.locust.protocol import InjectionAccepted

log = logging.getLogger(__name__)

# Delivery reports are fetched this often; one `poll` for all users, without waiting inside it
# (a waiting `poll` would stop every user). Seconds.
POLL_SECONDS = 0.002
# After so many polls the page's figures and settings are brought up to date: 50 times a second,
# so that at 50,000 sales/s one update counts 1,000 sales, which takes well under a millisecond.
POLLS_PER_LOOK = 10
# The publish delay that a look tells is that of the sales since a look so long ago, seconds.
DELAY_WINDOW_S = 5.0
# The producer reports each sale within its delivery timeout; one second more to hear of it.
FLUSH_SECONDS = DELIVERY_TIMEOUT_MS / 1_000 + 1


class TestRun(NamedTuple):
    """One test, from Start to Stop."""

    run_id: str
    pace: RateControl
    stream: SaleStream
    publisher: Publisher


class LoadSession:
    """Sells for all users of the process, and answers Locust's events."""

    def __init__(self, environment: Environment, parsed: Namespace) -> None:
        """Find the topic, then open the producer and the shop.

        Raises:
            TopicError: the broker cannot be reached, or it has no such topic.
            LoadError: an option has a value that makes no sense.

        """
        self._environment = environment
        self._parsed = parsed
        self._options = read_options(parsed)
        self._live = read_live(parsed)
        if not self._live.allowed:
            raise LoadError(self._live.complaint)
        # Asked before the producer exists: it would retry in silence for a minute.
        partitions(self._options.bootstrap, self._options.topic)
        self._producer = open_producer(self._options.bootstrap, "spaf-generate")
        self._shop = catalogue.build(self._options.seed)
        labels = self._options.labels
        self._labels = labels.open("a", buffering=1, encoding="utf-8") if labels else None
        self._changed = Event()
        self._run: TestRun | None = None
        self._ended = False
        # The last run, or the one under way, as `look` tells it.
        self._seen: TestRun | None = None
        self._delays_then: deque[tuple[float, Counts]] = deque()
        gevent.spawn(self._pump)

    def listen(self) -> None:
        """Answer the events of this process from now on."""
        events = self._environment.events
        for hook, listener in (
            (events.test_start, self.start),
            (events.test_stopping, self.stopping),
            (events.test_stop, self.stop),
            (events.quitting, self.quit),
        ):
            hook.add_listener(listener)  # type: ignore[no-untyped-call]
        page = self._environment.web_ui
        if page is not None and page.app is not None:
            page.app.register_blueprint(desk(self))

    def look(self) -> LoadStatus:
        """Return what the load does now, for who asks at Locust's page."""
        run, runner = self._seen, self._environment.runner
        state = "ready" if runner is None else str(runner.state)
        users = 0 if runner is None else runner.user_count
        if run is None:
            return LoadStatus(state, users, 0.0, 0, 0, 0)
        counts = run.publisher
        rate = float(run.pace.rate) if self._run is run else 0.0
        return LoadStatus(
            *(state, users, rate, counts.intended, counts.acked, counts.failed, run.run_id),
            slots=counts.slots,
            delay_ms=self._recent_delay_ms(run),
        )

    def wish(self, kind: str, category: str | None) -> InjectionAccepted:
        """Sell an anomaly now, labelled as the planned ones are.

        Raises:
            LoadError: nothing is sold, or it cannot be done; the message says why.

        """
        if self._run is None or not self._run.pace.users:
            raise LoadError("No load runs that could sell an anomaly.", todo="Start the load.")
        return self._run.stream.wish(kind, category, clock.now_us())

    def start(self, **_: object) -> None:
        """Begin a run: new id, counts from zero, the stream from its first sale."""
        self._follow_page()
        # One host, one clock: the microsecond of the start tells two runs apart.
        run_id = f"{clock.now_us():x}"
        stream = SaleStream(
            self._shop,
            seed=self._options.seed,
            run_id=run_id,
            currencies=self._options.currencies,
            anomaly_rate=self._live.anomaly_rate,
            episode_every_s=self._options.episode_every_s,
        )
        pace = RateControl(
            exact(self._live.per_user),
            seconds=self._options.seconds,
            expected_users=self._parsed.num_users or 1,
        )
        publisher = Publisher(self._producer, self._options.topic, stream, self._keep_label)
        self._run = self._seen = TestRun(run_id, pace, stream, publisher)
        self._delays_then.clear()
        self._ended = False
        # Locust and its web server leave 64,000 objects that live for ever. Set apart, they no
        # longer stop the sales for 15-20 ms whenever the collector visits its old generation.
        gc.collect()
        gc.freeze()

    def sell(self) -> Never:
        """Send what is due, again and again: the life of one user, ended by killing it."""
        run = self._running()
        run.pace.join(clock.now_us())
        self._wake()
        try:
            while True:
                self._send(run, run.pace.due(clock.now_us()))
                self._changed.wait(run.pace.turn_seconds(clock.now_us()))
        finally:
            run.pace.leave(clock.now_us())
            self._wake()

    def stopping(self, **_: object) -> None:
        """Send what came due until now, and nothing after."""
        if self._run is not None:
            self._send(self._run, self._run.pace.due(clock.now_us(), limit=None))
            self._run.pace.close(clock.now_us())

    def stop(self, **_: object) -> None:
        """Wait for the last acknowledgements, then write what the run came to."""
        run, self._run = self._run, None
        if run is None:
            return
        deadline = clock.monotonic() + FLUSH_SECONDS
        while run.publisher.pending and clock.monotonic() < deadline:
            gevent.sleep(POLL_SECONDS)
        self._report(run)
        result = _result(run, self._options.seed)
        if self._options.result is not None:
            result.write(self._options.result)
        self._environment.process_exit_code = 0 if result.acked == result.intended else 1

    def quit(self, **_: object) -> None:
        """Stop the run before Locust decides on its exit code."""
        if self._environment.runner is not None:
            self._environment.runner.stop()

    def _recent_delay_ms(self, run: TestRun) -> tuple[float, float] | None:
        """Return p50 and p99 of the publish delay since a look some seconds ago."""
        now, delays, then = clock.monotonic(), run.publisher.delays, self._delays_then
        while len(then) > 1 and now - then[1][0] >= DELAY_WINDOW_S:
            then.popleft()
        found = delays.quantiles_since(then[0][1] if then else {}, (0.5, 0.99))
        if not then or now - then[-1][0] >= 1:
            then.append((now, delays.counts()))
        return None if found is None else (found[0] / 1_000, found[1] / 1_000)

    def _running(self) -> TestRun:
        if self._run is None:
            raise RuntimeError("Locust started a user outside a test")
        return self._run

    def _send(self, run: TestRun, due: list[int]) -> None:
        for due_us in due:
            run.publisher.send(due_us)

    def _wake(self) -> None:
        """Let every user look at the schedule again: it is another one now."""
        changed, self._changed = self._changed, Event()
        changed.set()

    def _pump(self) -> Never:
        while True:
            for _ in range(POLLS_PER_LOOK):
                self._producer.poll(0)
                gevent.sleep(POLL_SECONDS)
            if self._run is not None:
                self._look(self._run)

    def _look(self, run: TestRun) -> None:
        """Bring the page's figures, its settings and the end of the run up to date."""
        self._report(run)
        if self._follow_page():
            run.stream.anomaly_rate = self._live.anomaly_rate
            run.pace.set_per_user(clock.now_us(), exact(self._live.per_user))
            self._wake()
        if run.pace.done and not self._ended:
            self._ended = True
            gevent.spawn(self._end)

    def _report(self, run: TestRun) -> None:
        now_s = clock.now_us() / MICROSECONDS
        locust_stats.report(
            self._environment, self._options.topic, run.publisher.take_news(), now_s
        )

    def _end(self) -> None:
        """End a bounded run: the process too, unless it has a page to go on showing."""
        runner = self._environment.runner
        if runner is None:
            return
        if self._environment.web_ui is None:
            runner.quit()
        else:
            runner.stop()

    def _follow_page(self) -> bool:
        """Take over the page's settings; values that make no sense are put back instead."""
        live = read_live(self._parsed)
        if not live.allowed:
            log.warning(live.complaint)
            self._parsed.sales_per_user, self._parsed.anomaly_rate = self._live
            return False
        changed, self._live = live != self._live, live
        return changed

    def _keep_label(self, label: Label | EpisodeLabel) -> None:
        if self._labels is not None:
            self._labels.write(msgspec.json.encode(label).decode() + "\n")


def _result(run: TestRun, seed: int) -> LoadResult:
    """Return what the run came to."""
    counts, seconds = run.publisher, run.pace.seconds
    start_us = run.pace.start_us or 0
    took = max(seconds, ((counts.last_sent_us or 0) - start_us) / MICROSECONDS)
    p50, p99, largest = (counts.delays.quantile(share) for share in (0.5, 0.99, 1.0))
    return LoadResult(
        intended=counts.intended,
        sent=counts.sent,
        acked=counts.acked,
        failed=counts.failed,
        rate=counts.intended / seconds if seconds else 0.0,
        achieved_rate=counts.acked / took if took else 0.0,
        duration_s=seconds,
        publish_delay_ms=PublishDelay(_ms(p50), _ms(p99), _ms(largest)),
        first_intended_us=counts.first_intended_us,
        last_intended_us=counts.last_intended_us,
        seed=seed,
        run_id=run.run_id,
    )


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000
