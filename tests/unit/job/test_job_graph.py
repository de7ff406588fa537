"""The kept graph: its two files, and the values of a run in place of its blanks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spaf.errors import JobError
from spaf.job import job_graph

ID = "00112233445566778899aabbccddeeff"
GRAPH = b"id " + bytes.fromhex(job_graph.BLANK_ID) + b" at host:90001, again host:90001"


def test_values_take_the_places_of_the_blanks() -> None:
    """Each occurrence; the id is in the graph as bytes."""
    filled = job_graph.fill(GRAPH, ID, {"host:90001": "host:00042"})
    assert filled == b"id " + bytes.fromhex(ID) + b" at host:00042, again host:00042"


@pytest.mark.parametrize(
    ("blank", "value"), [("host:90001", "host:1"), ("host:90002", "host:00042")]
)
def test_value_that_does_not_fit_is_refused(blank: str, value: str) -> None:
    """Of another length it would damage the graph; without a blank it would be left out."""
    with pytest.raises(JobError, match="no place for a value"):
        job_graph.fill(GRAPH, ID, {blank: value})


def test_short_path_of_a_checkpoint_is_filled_up_with_slashes() -> None:
    """They do not change the path."""
    value = job_graph.resume_value("file:///proc/self/cwd/checkpoints/a/chk-1")
    assert len(value) == len(job_graph.BLANK_RESUME)
    assert Path(value) == Path("file:///proc/self/cwd/checkpoints/a/chk-1")


def test_kept_graph_is_read_again(tmp_path: Path) -> None:
    """The graph of a job that resumes is another file."""
    graph = tmp_path / "plans" / "abc.graph"
    new, resumed = (job_graph.file_of(graph, resumes=resumes) for resumes in (False, True))
    job_graph.write(new, GRAPH)
    job_graph.write(resumed, GRAPH * 2)
    assert (job_graph.read(new), job_graph.read(resumed)) == (GRAPH, GRAPH * 2)


def test_kept_graph_survives_a_power_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name without its content would make the next start fail."""
    written: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: written.append(os.fstat(file).st_size))
    job_graph.write(tmp_path / "abc.new", GRAPH)
    assert (tmp_path / "abc.new").stat().st_size in written


def test_damaged_graph_is_deleted_so_that_the_next_start_makes_it_again(tmp_path: Path) -> None:
    """The error says which file it is about."""
    damaged = tmp_path / "abc.new"
    damaged.write_bytes(b"not compressed")
    with pytest.raises(JobError, match="kept graph of the job cannot be read"):
        job_graph.read(damaged)
    assert not damaged.exists()
