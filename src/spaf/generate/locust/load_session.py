"""The state of a Locust process: its producer, the shop, and the test that is running."""

from __future__ import annotations

import gc
import logging
import os
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import gevent  # type: ignore[import-untyped]
from confluent_kafka import KafkaException
from gevent import monkey
from gevent.event import AsyncResult, Event  # type: ignore[import-untyped]

from spaf import clock
from spaf.errors import LoadError
from spaf.generate.locust import locust_stats, status_file
from spaf.generate.locust.label_writer import LabelWriter
from spaf.generate.locust.load_result import LoadResult, PublishDelay
from spaf.generate.locust.locust_api import locust_api
from spaf.generate.locust.options import exact, read_live, read_options
from spaf.generate.locust.protocol import LoadStatus
from spaf.generate.locust.publisher import Publisher
from spaf.generate.locust.rate_control import RateControl
from spaf.generate.shop import catalogue
from spaf.generate.shop.schedule import MICROSECONDS
from spaf.generate.shop.stream import SaleStream
from spaf.topic.admin import partitions
from spaf.topic.producer import DELIVERY_TIMEOUT_MS, connect, open_producer

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Never

    from locust.env import Environment

    from spaf.generate.anomalies.anomaly import EpisodeLabel, Label
    from spaf.generate.locust.histogram import Counts
    from spaf.generate.locust.protocol import InjectionAccepted

log = logging.getLogger(__name__)

# Interval at which delivery reports are fetched, by one `poll` for all users. It does not block: a
# blocking `poll` would stop every user. At 50,000 sales/s one takes a quarter of a millisecond.
# Seconds.
POLL_S = 0.01
# Polls between two updates of Locust's figures and options. With 50 updates a second, one update at
# 50,000 sales/s counts 1,000 sales, which takes well under a millisecond.
POLLS_PER_UPDATE = 2
# gevent's timers count whole milliseconds, rounded up. Seconds.
TIMER_RESOLUTION_S = 0.001
# Blocks the process: Locust has replaced `time.sleep` by gevent's.
block = monkey.get_original("time", "sleep")
# Window of the publish delay in the load status, seconds.
DELAY_WINDOW_S = 5.0
# The producer reports each sale within its delivery timeout; one second more to fetch the report.
FLUSH_S = DELIVERY_TIMEOUT_MS / 1_000 + 1


class TestRun(NamedTuple):
    """One test, from Start to Stop."""

    run_id: str
    rate_control: RateControl
    stream: SaleStream
    publisher: Publisher
    # Processor time of the process before it, seconds.
    cpu_before_s: float


class LoadSession:
    """Sends the sales of all users of the process, and handles Locust's events."""

    def __init__(self, environment: Environment, parsed: Namespace) -> None:
        """Find the topic, then open the producer and the shop.

        Raises:
            TopicError: the broker cannot be reached, or it has no such topic.
            LoadError: an option has a value that is not allowed.

        """
        self._environment = environment
        self._parsed = parsed
        self._options = read_options(parsed)
        self._live = read_live(parsed)
        if self._live.problem:
            raise LoadError(self._live.problem)
        # Before the producer is opened: without a topic it would retry for a minute, silently.
        parts = partitions(self._options.bootstrap, self._options.topic)
        # With one partition a key would only make each sale larger.
        self._keyed = len(parts) > 1
        self._producer = open_producer(self._options.bootstrap, "spaf-generate")
        connect(self._producer, self._options.topic)
        self._shop = catalogue.build(self._options.seed, self._options.shop)
        labels = self._options.labels
        self._labels = LabelWriter(labels) if labels else None
        self._schedule_changed = Event()
        self._run: TestRun | None = None
        self._ended = False
        # The run of the load status: the present one, or else the last one.
        self._last_run: TestRun | None = None
        self._delay_history: deque[tuple[float, Counts]] = deque()
        self._next_status_s = 0.0
        # The newest write of the status.
        self._status_write = AsyncResult()
        self._status_write.set(None)
        gevent.spawn(self._poll_forever)

    def listen(self) -> None:
        """Register the handlers of Locust's events, and SPAF's routes at Locust's page."""
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
            page.app.register_blueprint(locust_api(self))

    def status(self) -> LoadStatus:
        """Return the status of the load."""
        run, runner = self._last_run, self._environment.runner
        state = "ready" if runner is None else str(runner.state)
        users = 0 if runner is None else runner.user_count
        if run is None:
            return LoadStatus(state, users, 0.0, 0, 0, 0)
        counts = run.publisher
        rate = float(run.rate_control.rate) if self._run is run else 0.0
        return LoadStatus(
            *(state, users, rate, counts.intended, counts.acked, counts.failed, run.run_id),
            slots=counts.slots,
            delay_ms=self._recent_delay_ms(run),
        )

    def inject(self, kind: str, category: str | None) -> InjectionAccepted:
        """Inject an anomaly into the next sales, with a label like that of a planned one.

        Raises:
            LoadError: no load runs, or the stream refuses it; the message says why.

        """
        if self._run is None or not self._run.rate_control.users:
            raise LoadError(
                "No load runs that could sell an anomaly.",
                todo="Start the load.",
                code="no_load",
            )
        return self._run.stream.inject(kind, category, clock.now_us())

    def start(self, **_: object) -> None:
        """Start a run with a new id, counts at zero and the stream at its first sale."""
        self._read_page_options()
        # The start in microseconds is unique: one host, one clock.
        run_id = f"{clock.now_us():x}"
        stream = SaleStream(
            self._shop,
            seed=self._options.seed,
            run_id=run_id,
            currencies=self._options.currencies,
            anomaly_rate=self._live.anomaly_rate,
            episode_every_s=self._options.episode_every_s,
        )
        rate_control = RateControl(
            exact(self._live.per_user),
            seconds=self._options.seconds,
            expected_users=self._parsed.num_users or 1,
        )
        publisher = Publisher(
            self._producer, self._options.topic, stream, self._keep_label, keyed=self._keyed
        )
        self._run = self._last_run = TestRun(
            run_id, rate_control, stream, publisher, clock.processor()
        )
        self._delay_history.clear()
        self._ended = False
        # Locust and its web server leave 64,000 long-lived objects. Frozen, they are no longer
        # traversed by collections of the oldest generation, which stopped the sales for 15-20 ms.
        gc.collect()
        gc.freeze()

    def sell(self) -> Never:
        """Send due sales for one user, until the user's greenlet is killed."""
        run = self._running()
        rate_control = run.rate_control
        rate_control.join(clock.now_us())
        self._wake_users()
        try:
            while True:
                run.publisher.send(rate_control.take_due(clock.now_us()))
                self._wait(rate_control.seconds_to_next_slot(clock.now_us()))
        finally:
            rate_control.leave(clock.now_us())
            self._wake_users()

    def _wait(self, seconds: float) -> None:
        """Wait, or until the schedule changes.

        gevent waits for all but the last millisecond; blocking for the rest makes the wait exact.
        """
        end = clock.monotonic() + seconds
        if not self._schedule_changed.wait(max(0.0, seconds - TIMER_RESOLUTION_S)):
            block(max(0.0, end - clock.monotonic()))

    def stopping(self, **_: object) -> None:
        """Send the sales that are due by now, and close the schedule."""
        if self._run is not None:
            self._run.publisher.send(self._run.rate_control.take_due(clock.now_us(), limit=None))
            self._run.rate_control.close(clock.now_us())

    def stop(self, **_: object) -> None:
        """Wait for the last acknowledgements, then write the result of the run."""
        run, self._run = self._run, None
        if run is None:
            return
        deadline = clock.monotonic() + FLUSH_S
        while run.publisher.pending and clock.monotonic() < deadline:
            gevent.sleep(POLL_S)
        self._report(run)
        if self._labels is not None:
            self._labels.flush()
        if self._options.status is not None:
            # A disk that hangs must not keep the result.
            self._status_write.wait(FLUSH_S)
            self._options.status.unlink(missing_ok=True)
        result = _result(run, self._options.seed)
        if self._options.result is not None:
            result.write(self._options.result)
        self._environment.process_exit_code = 0 if result.acked == result.intended else 1

    def quit(self, **_: object) -> None:
        """Stop the run before Locust reads its exit code."""
        if self._environment.runner is not None:
            self._environment.runner.stop()

    def _recent_delay_ms(self, run: TestRun) -> tuple[float, float] | None:
        """Return p50 and p99 of the publish delay over about DELAY_WINDOW_S."""
        now, delays, history = clock.monotonic(), run.publisher.delays, self._delay_history
        while len(history) > 1 and now - history[1][0] >= DELAY_WINDOW_S:
            history.popleft()
        quantiles_us = delays.quantiles_since(history[0][1] if history else {}, (0.5, 0.99))
        if not history or now - history[-1][0] >= 1:
            history.append((now, delays.counts()))
        return None if quantiles_us is None else (quantiles_us[0] / 1_000, quantiles_us[1] / 1_000)

    def _running(self) -> TestRun:
        if self._run is None:
            raise RuntimeError("Locust started a user outside a test")
        return self._run

    def _wake_users(self) -> None:
        """Wake every waiting user, because the schedule has changed."""
        changed, self._schedule_changed = self._schedule_changed, Event()
        changed.set()

    def _poll_forever(self) -> Never:
        while True:
            for _ in range(POLLS_PER_UPDATE):
                # An account that may not produce is fatal for the producer; each sale then fails
                # with the reason.
                with suppress(KafkaException, SystemError):
                    self._producer.poll(0)
                gevent.sleep(POLL_S)
            if self._run is not None:
                self._update(self._run)

    def _update(self, run: TestRun) -> None:
        """Report to Locust's statistics, apply changed options, and end a bounded run."""
        self._report(run)
        self._write_status()
        if self._read_page_options():
            run.stream.anomaly_rate = self._live.anomaly_rate
            run.rate_control.set_per_user(clock.now_us(), exact(self._live.per_user))
            self._wake_users()
        if run.rate_control.done and not self._ended:
            self._ended = True
            gevent.spawn(self._end)

    def _report(self, run: TestRun) -> None:
        now_s = clock.now_us() / MICROSECONDS
        locust_stats.report(
            self._environment, self._options.topic, run.publisher.pop_stats(), now_s
        )

    def _write_status(self) -> None:
        """Write the status once a second, in a thread: the file system may block for 60 ms."""
        now, path, write = clock.monotonic(), self._options.status, self._status_write
        if path is not None and now >= self._next_status_s and write.ready():
            self._next_status_s = now + status_file.WRITE_EVERY_S
            threads = gevent.get_hub().threadpool
            self._status_write = threads.spawn(status_file.write, path, self.status())

    def _end(self) -> None:
        """End a bounded run, and without a web page the process too."""
        runner = self._environment.runner
        if runner is None:
            return
        if self._environment.web_ui is None:
            runner.quit()
        else:
            runner.stop()

    def _read_page_options(self) -> bool:
        """Read the live options and return whether they changed; restore refused values."""
        live, parsed = read_live(self._parsed), self._parsed
        if live.problem:
            log.warning(live.problem)
            parsed.num_users, parsed.sales_per_user, parsed.anomaly_rate = self._live
            return False
        changed, self._live = live != self._live, live
        return changed

    def _keep_label(self, label: Label | EpisodeLabel) -> None:
        if self._labels is not None:
            self._labels.append(label)


def _result(run: TestRun, seed: int) -> LoadResult:
    """Return the result of a run that has ended."""
    counts, seconds = run.publisher, run.rate_control.seconds
    start_us = run.rate_control.start_us or 0
    took_s = max(seconds, ((counts.last_sent_us or 0) - start_us) / MICROSECONDS)
    p50, p99, largest = (counts.delays.quantile(share) for share in (0.5, 0.99, 1.0))
    return LoadResult(
        intended=counts.intended,
        sent=counts.sent,
        acked=counts.acked,
        failed=counts.failed,
        rate=counts.intended / seconds if seconds else 0.0,
        achieved_rate=counts.acked / took_s if took_s else 0.0,
        duration_s=seconds,
        publish_delay_ms=PublishDelay(_ms(p50), _ms(p99), _ms(largest)),
        first_intended_us=counts.first_intended_us,
        last_intended_us=counts.last_intended_us,
        seed=seed,
        run_id=run.run_id,
        cpu_s=round(clock.processor() - run.cpu_before_s, 3),
        realtime=os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK == os.SCHED_RR,
    )


def _ms(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1_000
