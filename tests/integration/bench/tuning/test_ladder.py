"""Options of the real server that `spaf bench tuning` changes."""

from __future__ import annotations

from spaf.bench.tuning.ladder import server_options
from spaf.stack.run import Run
from spaf.store.access import Role


def shown(run: Run, option: str) -> str:
    """Return what a new session of the sink has."""
    with run.access.session(Role.SINK) as connection:
        row = connection.execute(f"SHOW {option}").fetchone()
    return str(row and row[0])


def test_an_option_of_the_server_is_changed_for_a_while(stack: Run) -> None:
    """For every new session, and given back at the end."""
    with server_options(stack, {"synchronous_commit": "off"}):
        assert shown(stack, "synchronous_commit") == "off"
    assert shown(stack, "synchronous_commit") == "on"
