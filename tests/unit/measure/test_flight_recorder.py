"""The recorder's samples as its program prints them, and a Java that cannot record."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from spaf.errors import SetupError, StackError
from spaf.measure import flight_recorder
from spaf.stack import runtime
from spaf.stack.flink import PROFILING_OPTIONS

BEFORE_JSON = "[0.1s][warning][jfr] a warning\n"


def event(**values: Any) -> dict[str, Any]:
    """Return an event as the program prints it, abridged."""
    frame = {
        "method": {
            "type": {"classLoader": None, "name": "java/util/zip/ZipCoder", "modifiers": 0},
            "name": "hash",
            "descriptor": "(Ljava/lang/String;)I",
        },
        "lineNumber": -1,
        "type": "Interpreted",
    }
    printed = {
        "startTime": "2026-11-30T18:09:39.389418301Z",
        "sampledThread": {"osName": "main", "osThreadId": 27894, "javaThreadId": 1},
        "stackTrace": {"truncated": True, "frames": [frame]},
        "state": "STATE_RUNNABLE",
    }
    return {"type": "jdk.ExecutionSample", "values": printed | values}


def printed(*events: dict[str, Any]) -> str:
    """Return what the program prints."""
    return BEFORE_JSON + json.dumps({"recording": {"events": events}})


def test_sample_has_its_thread_its_time_and_its_frames() -> None:
    """As the kernel and the tables of parts name them."""
    (sample,) = flight_recorder.samples_of(printed(event()))
    assert (sample.thread, sample.name) == (27894, "main")
    assert sample.at_s == pytest.approx(1_796_062_179.389418)
    assert sample.frames == ("java.util.zip.ZipCoder.hash",)


def test_sample_without_thread_or_stack_is_left_out() -> None:
    """The recorder could not read it."""
    text = printed(event(stackTrace=None), event(sampledThread=None), event())
    assert len(list(flight_recorder.samples_of(text))) == 1
    assert list(flight_recorder.samples_of(printed())) == []


def test_this_java_can_record() -> None:
    """With the options that a profile needs."""
    flight_recorder.require_recorder(PROFILING_OPTIONS)


def test_option_that_this_java_lacks_is_named_in_one_sentence() -> None:
    """Before anything is started."""
    with pytest.raises(SetupError, match=r"cannot record a profile: .*'NoSuchOption'") as caught:
        flight_recorder.require_recorder(("-XX:+NoSuchOption",))
    assert "\n" not in str(caught.value)


def test_java_without_the_programs_is_told_by_the_first_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runtime may have been made without them."""
    monkeypatch.setattr(runtime, "java", lambda: tmp_path / "bin" / "java")
    with pytest.raises(SetupError, match="has no jcmd"):
        flight_recorder.require_recorder()


def test_process_that_is_no_jvm_does_not_answer() -> None:
    """The message says which command it was."""
    with pytest.raises(StackError, match=r"does not answer to JFR\.configure"):
        flight_recorder.start(2**22)


def test_file_that_is_no_recording_is_refused(tmp_path: Path) -> None:
    """With the reason of the program."""
    file = tmp_path / "x.jfr"
    file.write_bytes(b"no recording")
    with pytest.raises(StackError, match="cannot be read"):
        list(flight_recorder.samples(file))


def test_processor_time_of_this_thread_grows() -> None:
    """By its id in the kernel."""
    before = flight_recorder.thread_times(os.getpid())[os.getpid()].cpu_seconds
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    assert flight_recorder.thread_times(os.getpid())[os.getpid()].cpu_seconds > before
