"""A session of PostgreSQL's superuser, for what SPAF's own roles may not do."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

import psycopg

from spaf.stack import postgres
from spaf.stack.run import Run
from spaf.stack.state import SUPERUSER_SECRET
from spaf.store.access import Role


@contextlib.contextmanager
def superuser(run: Run) -> Iterator[psycopg.Connection]:
    """Yield a connection to a server that SPAF has started.

    Raises:
        StoreError: the server does not answer.

    """
    password = run.home.passwords()[SUPERUSER_SECRET]
    access = replace(run.access, user=postgres.SUPERUSER, password=password, passwords={})
    with contextlib.closing(access.connect(Role.OWNER, autocommit=True)) as connection:
        yield connection
