"""A measurement of the page that runs nothing."""

from __future__ import annotations

from pathlib import Path

from spaf.serve.sweep_view import USUAL, SweepPlan, SweepState, SweepView


class FakeSweep:
    """Keeps what it was asked for."""

    def __init__(self, reports: Path | None = None) -> None:
        """Run nothing; the reports are in this folder."""
        self.plans: list[SweepPlan] = []
        self.state = SweepState.IDLE
        self.closed = False
        self._reports = reports

    def start(self, plan: SweepPlan) -> bool:
        """Run from now on."""
        if self.running():
            return False
        self.plans.append(plan)
        self.state = SweepState.RUNNING
        return True

    def stop(self) -> bool:
        """Stop, and not end before the test says so."""
        was_running = self.running()
        self.state = SweepState.STOPPING if was_running else self.state
        return was_running

    def running(self) -> bool:
        """Return whether it was started and has not ended."""
        return self.state is not SweepState.IDLE

    def view(self) -> SweepView:
        """Return what it was asked for last."""
        return SweepView(state=self.state, plan=self.plans[-1] if self.plans else USUAL, about_s=9)

    def report(self, language: str) -> Path | None:
        """Return a file of the folder, whether it is there or not."""
        return None if self._reports is None else self._reports / f"report-{language}.html"

    def close(self) -> None:
        """Note it."""
        self.closed = True
