"""A stack of a bench's own, with a topic that is full of sales."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from spaf.bench.throughput.drain import EVENT_BYTES, Tell, fill
from spaf.cli.terminal.output import err
from spaf.cli.terminal.progress import StartProgress
from spaf.settings import Settings
from spaf.stack.control import LEAST_FREE_MIB, require_space
from spaf.stack.run import Run, running
from spaf.stack.state import RunFolder


@contextlib.contextmanager
def filled(
    settings: Settings, events: int, event_bytes: int = EVENT_BYTES
) -> Iterator[tuple[Run, Tell]]:
    """Start services only, fill the topic, and end them with the block.

    Yields the session, and what shows the progress on a terminal.

    Raises:
        StackError: there is no room for so many events, or a service could not be started.

    """
    require_space(RunFolder(settings.home), LEAST_FREE_MIB + events * event_bytes // 2**20)
    with running(settings, StartProgress(), bare=True) as session, err.status("") as line:
        fill(session, events, line.update)
        yield session, line.update
