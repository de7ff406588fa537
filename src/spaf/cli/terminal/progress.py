"""Progress output: the services that are up during a start, and the state of long work."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from rich.markup import escape
from rich.status import Status

from spaf import clock
from spaf.bench.progress import Step
from spaf.cli.terminal.output import err, printable
from spaf.stack.service_names import SERVE
from spaf.stack.state import RunState


class StartProgress:
    """Prints a line when a service becomes ready, and each message once."""

    def __init__(self) -> None:
        """Start the clock."""
        self.began = clock.monotonic()
        self._printed: set[str] = set()

    def __call__(self, state: RunState) -> None:
        """Print the changes of the state."""
        if state.message and state.phase != "failed":
            self._print_once(state.message, f"[yellow]{escape(printable(state.message))}[/]")
        page = state.services.get(SERVE)
        if page is not None and page.pid is not None:
            self._print_once(SERVE, f"{'page':12} {escape(page.address)} shows the start")
        for service in state.services.values():
            if service.state in ("running", "external"):
                self._print_once(service.name, f"{service.name:12} {escape(service.address)}")
        if state.job.state == "RUNNING":
            resumed = " (resumed from a checkpoint)" if state.job.resumed_from else ""
            self._print_once("job", f"{'job':12} running{resumed}")

    def _print_once(self, key: str, line: str) -> None:
        if key not in self._printed:
            self._printed.add(key)
            seconds = clock.monotonic() - self.began
            err.print(f"[dim]{seconds:5.1f} s[/]  {line}", highlight=False)


class ProgressLine:
    """The line that shows what is being done, and lines above it that stay."""

    def __init__(self, status: Status) -> None:
        """Keep the line on the terminal."""
        self._status = status

    def __call__(
        self, doing: str, done: int = 0, total: int | None = None, /, *, step: Step | None = None
    ) -> None:
        """Show what is being done."""
        del step  # the text names it
        counts = f": {done:,} of {total:,}" if total else ""
        self._status.update(escape(f"{doing}{counts}"))

    def line(self, text: str) -> None:
        """Print a line that stays."""
        err.print(printable(text), markup=False, highlight=False, soft_wrap=True)


@contextlib.contextmanager
def progress_line() -> Iterator[ProgressLine]:
    """Show the progress of the work in the block on standard error, and clear it at the end."""
    with err.status("") as status:
        yield ProgressLine(status)
