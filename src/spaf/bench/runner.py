"""Runs a scenario for a command: with a record, and judged by what else the machine did."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from spaf import clock
from spaf.bench.progress import Progress, ProgressFile
from spaf.bench.results.folder import folder_of
from spaf.bench.results.provenance import machine, options_of, public_settings, versions
from spaf.bench.results.record import SCHEMA, Ending, ResultRecord, Validity
from spaf.bench.results.recording import KILLED, Recording, activated
from spaf.bench.scenario import Result, Scenario
from spaf.errors import SpafError
from spaf.settings import Settings
from spaf.stack.control import Watcher
from spaf.stack.state import RunFolder

INTERRUPTED = "the run was interrupted"


class Order(NamedTuple):
    """What is run, and how its record is called."""

    scenario: Scenario
    name: str
    """Of the scenario, such as `bench rates`."""
    command: str
    """The line that runs it again."""
    result: str = ""
    """Name or path of the record; without it a name is made of the scenario and the time."""
    shared: bool = False
    """Whether other programs may use the machine."""

    @property
    def timed(self) -> bool:
        """Whether the scenario measures: what `prove` holds compares and counts."""
        return self.name.startswith("bench ")


class RecordedResult(NamedTuple):
    """What a scenario has found, and where its record is."""

    result: Result
    record: ResultRecord
    folder: Path

    @property
    def valid(self) -> bool:
        """Whether figures of the result may be reported, but for parts that are not valid."""
        return self.record.validity.valid

    @property
    def reasons(self) -> list[str]:
        """Why the command fails: the result is not valid, or a proof has not passed."""
        return list(dict.fromkeys([*self.record.validity.reasons, *self.result.reasons]))


def run_recorded(
    order: Order, settings: Settings, watch: Watcher, progress: Progress
) -> RecordedResult:
    """Run a scenario, and leave its record, also if it fails or is interrupted.

    Raises:
        ResultsError: the record cannot be written.
        SpafError: the scenario has failed.

    """
    recording = _recording(order, settings)
    recording.start()
    written = ProgressFile(recording.folder, progress)
    try:
        with _recorded(recording), activated(recording):
            result = order.scenario.measure(settings, watch, written)
    finally:
        written.delete()
    validity = _validity(order, result, recording)
    record = recording.finish(Ending.COMPLETE, validity, msgspec.to_builtins(result))
    return RecordedResult(result, record, recording.folder)


def _recording(order: Order, settings: Settings) -> Recording:
    home = RunFolder(settings.home)
    started_us = clock.now_us()
    wanted = order.result or default_name(order.name, started_us)
    if "/" not in wanted:
        home.create_results()
    folder = folder_of(wanted, home.results)
    scenario_settings = order.scenario.settings(settings)
    record = ResultRecord(
        schema=SCHEMA,
        name=folder.name,
        scenario=order.name,
        command=order.command,
        started_us=started_us,
        validity=Validity(valid=False, reasons=[KILLED]),
        options=options_of(order.scenario),
        settings=public_settings(scenario_settings),
        machine=machine(),
        versions=versions(settings),
    )
    return Recording(folder, record, (home, RunFolder(scenario_settings.home)), shared=order.shared)


def default_name(scenario: str, started_us: int) -> str:
    """Return a name that sorts by time among those of its scenario: rates-20261130-214512."""
    words = scenario.split(" ")
    return "-".join(
        (*(words[1:] or words), f"{datetime.fromtimestamp(started_us / 1e6, UTC):%Y%m%d-%H%M%S}")
    )


@contextlib.contextmanager
def _recorded(recording: Recording) -> Iterator[None]:
    """Write the record of a run that ends by an error, and raise that."""
    previous = signal.getsignal(signal.SIGTERM)
    with contextlib.suppress(ValueError):  # a thread of a test cannot
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    except KeyboardInterrupt:
        _finish(recording, Ending.INTERRUPTED, INTERRUPTED)
        raise
    except SpafError as error:
        _finish(recording, Ending.FAILED, error.line)
        raise
    except Exception as error:
        _finish(recording, Ending.FAILED, f"{type(error).__name__}: {error}")
        raise
    finally:
        with contextlib.suppress(ValueError):
            signal.signal(signal.SIGTERM, previous)


def _interrupt(*_: object) -> None:
    # `timeout` signals the process and then its group: the second one must not end the clean-up.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


def _finish(recording: Recording, ending: Ending, reason: str) -> None:
    with contextlib.suppress(OSError):  # the error that is raised next says more
        recording.finish(ending, Validity(valid=False, reasons=[reason]))


def _validity(order: Order, result: Result, recording: Recording) -> Validity:
    """Return whether the figures may be reported.

    A proof counts and compares: other programs make it slower, not wrong.
    """
    if not order.timed:
        return Validity(valid=True)
    disturbed = []
    if not order.scenario.judges_intervals:
        for interval in recording.ended():
            name = f"{interval.name}: " if interval.name else ""
            disturbed += [f"{name}{reason}" for reason in interval.reasons]
    reasons = list(dict.fromkeys([*result.reasons, *disturbed]))
    return Validity(valid=not (result.invalid or disturbed), reasons=reasons)


def json_of(recorded: RecordedResult) -> dict[str, Any]:
    """Return the JSON object of a command: figures that are not valid are only in the record."""
    record = recorded.record
    about = {
        "machine": record.machine | record.versions,
        "record": str(recorded.folder),
        "valid": recorded.valid,
        "reasons": recorded.reasons,
    }
    return about | (msgspec.to_builtins(recorded.result) if recorded.valid else {})
