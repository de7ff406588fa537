"""Every rung in its order, on the services that it needs, with our own settings in between."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

from spaf.bench.progress import Progress, Step
from spaf.bench.run.superuser import superuser
from spaf.bench.scale.level import Timing
from spaf.bench.throughput.drain import fill
from spaf.bench.tuning.rungs import OURS, Rung
from spaf.bench.tuning.visit import PARTITIONS, TOPIC, Visit, measure, warm_up
from spaf.errors import SpafError
from spaf.settings import FlinkSettings, JobSettings, KafkaSettings, PostgresSettings, Settings
from spaf.stack import control
from spaf.stack.control import Watcher
from spaf.stack.run import Run, running
from spaf.store.statement import composed, statement

# A measurement that another program disturbed, or that failed, is repeated this often.
MAX_ATTEMPTS = 2


def steps(rungs: Sequence[Rung]) -> Iterator[Rung]:
    """Yield the rungs in the order in which they are measured, and ours three times.

    Ours comes first, in the middle of those of the same services, and last. Those whose services
    start again come after the others; the services of ours then start again too, so that the last
    measurement of ours has compiled as little as theirs.
    """
    alike = [rung for rung in rungs if not rung.flink]
    half = len(alike) // 2
    yield from (OURS, *alike[:half], OURS, *alike[half:])
    yield from (rung for rung in rungs if rung.flink)
    yield OURS


class Ladder:
    """Measures rungs, and keeps what was measured: it may be interrupted."""

    def __init__(
        self, settings: Settings, watch: Watcher, progress: Progress, timing: Timing, events: int
    ) -> None:
        """Start without services."""
        self.ours: list[Visit] = []
        self.visits: dict[str, Visit] = {}
        self._settings = settings
        self._watch = watch
        self._progress = progress
        self._timing = timing
        self._events = events
        self._exit = contextlib.ExitStack()
        self._flink: Mapping[str, Any] | None = None
        self._run: Run | None = None

    @property
    def measured(self) -> bool:
        """Whether there is a measurement."""
        return bool(self.ours or self.visits)

    def close(self) -> None:
        """Stop the services that are up, and delete their run folder."""
        self._stop()
        control.down(stack(self._settings, {}), wipe=True)

    def climb(self, rungs: Sequence[Rung]) -> None:
        """Measure every rung, and ours in between.

        Raises:
            SpafError: the services of the first one do not start.

        """
        order = list(steps(rungs))
        for number, rung in enumerate(order, 1):
            visit = self._visit(rung, f"{number} of {len(order)}: {rung.name}")
            if rung is OURS:
                self.ours.append(visit)
            else:
                self.visits[rung.name] = visit

    def _visit(self, rung: Rung, title: str) -> Visit:
        """Return the measurement of a rung: the first that nothing disturbed, or the last."""

        def progress(
            doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
        ) -> None:
            self._progress(f"{title}: {doing}", done, total, step=step)

        visit = Visit()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            name = f"{rung.name} {len(self.ours) + 1}" if rung is OURS else rung.name
            name += f" (again {attempt})" if attempt > 1 else ""
            try:
                run = self._on(rung.flink, progress)
                with server_options(run, rung.server):
                    visit = measure(run, rung, name, self._timing, progress)
            except SpafError as error:
                # Services that do not start at all are the result; those of one rung are its own.
                if self._run is None and not self.measured:
                    raise
                visit = Visit(reason=error.line)
            if visit.complete:
                break
        return visit

    def _on(self, flink: Mapping[str, Any], progress: Progress) -> Run:
        """Return a run whose services have these settings: the one that is up, or a new one."""
        if self._run is not None and self._flink == flink:
            return self._run
        self._stop()
        progress("starting services")
        chosen = stack(self._settings, flink)
        run = self._exit.enter_context(running(chosen, self._watch, bare=True))
        fill(run, self._events, progress, PARTITIONS)
        warm_up(run, progress)
        self._run, self._flink = run, flink
        return run

    def _stop(self) -> None:
        self._run = self._flink = None
        self._exit.close()


def stack(settings: Settings, flink: Mapping[str, Any]) -> Settings:
    """Return the settings of services of our own; contract and detection stay those of the user.

    One partition and one task, as a run has them by default.
    """
    fields = ("task_heap_mib", "second_compiler", "second_compiler_delay")
    chosen = {field: getattr(settings.flink, field) for field in fields} | dict(flink)
    chosen["jvm_options"] = (*settings.flink.jvm_options, *flink.get("jvm_options", ()))
    job = settings.job.model_dump() | {"parallelism": PARTITIONS}
    return settings.model_copy(
        update={
            "home": settings.home / "tuning",
            "kafka": KafkaSettings(
                topic=TOPIC, partitions=PARTITIONS, heap_mib=settings.kafka.heap_mib
            ),
            "postgres": PostgresSettings(),
            "flink": FlinkSettings(**chosen),
            "job": JobSettings(**job),
        }
    )


@contextlib.contextmanager
def server_options(run: Run, options: Mapping[str, str]) -> Iterator[None]:
    """Let PostgreSQL's server have other options while the block runs.

    Raises:
        StoreError: the server does not answer.

    """
    if not options:
        yield
        return
    with superuser(run) as connection:
        _change(
            connection,
            (
                composed(
                    "spaf.bench",
                    "set_server_option",
                    option=sql.Identifier(name),
                    value=sql.Literal(value),
                )
                for name, value in options.items()
            ),
        )
        try:
            yield
        finally:
            _change(connection, [statement("spaf.bench", "reset_server_options")])


def _change(connection: psycopg.Connection, changes: Iterable[sql.Composed | bytes]) -> None:
    for change in changes:
        connection.execute(change)
    connection.execute(statement("spaf.bench", "reload_server_options"))
