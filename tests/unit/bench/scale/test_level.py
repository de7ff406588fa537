"""Which windows of a level count."""

from __future__ import annotations

from typing import Any

import pytest

from spaf.bench.progress import no_progress
from spaf.bench.scale import level as level_module
from spaf.bench.scale.level import MAX_DISTURBED, Timing
from spaf.errors import LoadError

DISTURBED = "other programs used 1.00 of 2 cores, most of it make"


class Windows:
    """Stand for the windows of a level: those whose number is in `disturbed` are disturbed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace their measurement."""
        self.names: list[str] = []
        self.disturbed = ""
        monkeypatch.setattr(level_module._Window, "measured", self.measured)

    def measured(self, _run: object, _seconds: float, name: str) -> level_module._Window:
        """Note the name of a window."""
        self.names.append(name)
        reasons = [DISTURBED] if name[-1] in self.disturbed else []
        return level_module._Window(0, 1, None, reasons)  # type: ignore[arg-type]

    def of(self, count: int) -> list[Any]:
        """Measure this many windows of a level."""
        timing = Timing(0.0, 1.0, windows=count)
        return level_module._windows(None, timing, no_progress, "rate 9")  # type: ignore[arg-type]


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Windows:
    """Return what stands for the windows of each level."""
    return Windows(monkeypatch)


def test_a_disturbed_window_is_measured_again(windows: Windows) -> None:
    """The load goes on meanwhile; the record names each window."""
    windows.disturbed = "2"
    assert len(windows.of(2)) == 2
    assert windows.names == ["rate 9 1", "rate 9 2", "rate 9 3"]


def test_windows_that_stay_disturbed_are_left_out(windows: Windows) -> None:
    """Those that were not disturbed count."""
    windows.disturbed = "2345678"
    assert len(windows.of(2)) == 1
    assert len(windows.names) == 2 + MAX_DISTURBED


def test_a_level_without_an_undisturbed_window_fails(windows: Windows) -> None:
    """With what disturbed it."""
    windows.disturbed = "1234567"
    with pytest.raises(LoadError, match="Each of 7 windows was disturbed: other programs"):
        windows.of(1)


def test_the_first_load_of_a_stack_has_no_window(windows: Windows) -> None:
    """It cannot be disturbed."""
    assert windows.of(0) == []
    assert windows.names == []
