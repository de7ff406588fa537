"""Processor time of every process, also of those that end between two samples."""

from __future__ import annotations

import os
import subprocess
import sys

from spaf.measure.process_table import (
    ProcessRow,
    cpu_growth,
    disk_bytes,
    families,
    process_table,
    shared_mib,
)


def row(pid: int, parent: int, cpu_s: float = 0.0, children_s: float = 0.0) -> ProcessRow:
    """Return a process that was started at the second of its pid."""
    return ProcessRow(pid, parent, f"p{pid}", float(pid), cpu_s, children_s, 1.0)


def table(*rows: ProcessRow) -> dict[int, ProcessRow]:
    """Return a table of these processes."""
    return {one.pid: one for one in rows}


def test_this_process_is_in_the_table() -> None:
    """With its parent and its memory; a child that has ended counts in its time."""
    before = process_table()[os.getpid()]
    burn = "import time\nwhile time.process_time() < 0.1: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    after = process_table()[os.getpid()]
    assert (before.parent, before.rss_mib > 1) == (os.getppid(), True)
    # The kernel counts hundredths of a second: the last one of the child may be missing.
    assert round(after.children_s - before.children_s, 2) >= 0.09
    assert not before.of_kernel
    assert shared_mib(os.getpid()) > 0
    assert min(disk_bytes(os.getpid())) >= 0


def test_each_process_belongs_to_its_nearest_head() -> None:
    """A browser that this process has started is the browser's, not this one's."""
    found = families(
        table(row(1, 0), row(10, 1), row(11, 10), row(12, 11), row(20, 1), row(13, 10)),
        {10: "bench", 11: "browser", 99: "gone"},
    )
    assert found == {10: "bench", 11: "browser", 12: "browser", 13: "bench"}


def test_a_loop_of_parents_ends() -> None:
    """A table is not read at one moment, so that a pid may have changed its owner."""
    assert families(table(row(5, 6), row(6, 5)), {}) == {}


def test_growth_counts_own_time_and_that_of_ended_children_once() -> None:
    """What a child had used by the earlier table was counted then."""
    before = table(row(1, 0), row(10, 1, 5.0, 1.0), row(11, 10, 2.0))
    after = table(row(1, 0), row(10, 1, 5.5, 1.0 + 2.25 + 0.125))
    # 0.5 of its own, 0.25 of the child since then, 0.125 of one that no table has seen.
    assert cpu_growth(before, after) == {1: 0.0, 10: 0.5 + 0.25 + 0.125}


def test_growth_of_a_family_that_has_ended_goes_to_the_survivor() -> None:
    """Its head had waited for its children, and was waited for."""
    before = table(row(10, 1, 1.0), row(11, 10, 2.0), row(12, 11, 4.0))
    after = table(row(10, 1, 1.0, 2.5 + 4.25))
    assert cpu_growth(before, after) == {10: 0.75}


def test_the_time_of_orphans_is_not_that_of_the_last_second() -> None:
    """A program was killed, and its child, which then belonged to the first process, too."""
    before = table(row(1, 0, 3.0, 10.0), row(10, 1, 1.0), row(11, 10, 40.0))
    assert cpu_growth(before, table(row(1, 0, 3.5, 51.0))) == {1: 0.5}


def test_a_new_process_counts_from_its_start() -> None:
    """Also if it has the pid of one that has ended."""
    again = row(11, 1, 0.5)._replace(started_s=99.0)
    assert cpu_growth(table(row(1, 0), row(11, 1, 7.0)), table(row(1, 0), again)) == {
        1: 0.0,
        11: 0.5,
    }


def test_threads_of_the_kernel_are_no_programs() -> None:
    """Their parent is number 2."""
    assert [row(pid, parent).of_kernel for pid, parent in ((2, 0), (30, 2), (30, 1))] == [
        True,
        True,
        False,
    ]
