"""The locustfile: the rate is the number of users times `--sales-per-user`.

Locust's own page starts and stops the sales, and changes the rate by the number of users.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from locust import User, events, task

from spaf.errors import SpafError
from spaf.generate.locust.load_session import LoadSession
from spaf.generate.locust.options import add_options

if TYPE_CHECKING:
    from argparse import Namespace

    from locust.argument_parser import LocustArgumentParser
    from locust.env import Environment


class SalesUser(User):
    """One user with `--sales-per-user` sales a second, on the schedule that all users share."""

    session: LoadSession

    @task
    def sell(self) -> None:
        """Send sales until the user ends: one pass of Locust's task loop costs more than a sale."""
        self.session.sell()


@events.init_command_line_parser.add_listener  # type: ignore[untyped-decorator]
def _add_options(parser: LocustArgumentParser) -> None:
    add_options(parser)


@events.init.add_listener  # type: ignore[untyped-decorator]
def _open_session(environment: Environment, **_: Any) -> None:
    parsed = cast("Namespace", environment.parsed_options)
    try:
        session = LoadSession(environment, parsed)
    except SpafError as error:
        raise SystemExit(str(error)) from None
    session.listen()
    SalesUser.session = session
    environment.host = parsed.bootstrap  # shown on the page as the target
