"""`spaf query`: the query of the brief."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.bench.session import Session
from spaf.cli.output import Json, err, out, print_json, table
from spaf.store import queries
from spaf.store.access import Role


def add(app: typer.Typer) -> None:
    """Add the verb."""
    app.command()(query)


def query(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 10,
    *,
    json: Json = False,
) -> None:
    """Show the newest rows: SELECT * FROM sales_summary ORDER BY created_at DESC LIMIT 10."""
    session = Session.attach(settings.load())
    with session.access.session(Role.READ) as connection:
        rows = queries.newest(connection, limit)
    if json:
        print_json(rows)
    elif rows:
        out.print(table("", tuple(rows[0]), [tuple(row.values()) for row in rows]))
    else:
        err.print("sales_summary is empty: start sales on Locust's page or with `spaf load`.")
