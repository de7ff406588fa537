"""`spaf query`: the query of the brief, or one of the user's own."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role
from spaf.store.queries import Row

# Short column names; the wall-clock columns only in a terminal of at least WIDE characters.
SHORT = {"window_start": "second", "sales_count": "sales", "units_sold": "units"}
WALL_CLOCK = ("created_at", "updated_at")
WIDE = 110


def query(
    sql: Annotated[
        str | None,
        typer.Argument(help='Another query, such as "SELECT * FROM ingest_total".'),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 10,
    *,
    json: Json = False,
) -> None:
    """Show the newest rows: SELECT * FROM sales_summary ORDER BY created_at DESC LIMIT 10.

    A query of your own runs as spaf_read, an account that can change nothing, in UTC.
    """
    run = Run.attach(settings.load())
    with run.access.session(Role.READ) as connection:
        if sql is None:
            rows, more = queries.newest_sales(connection, limit), False
        else:
            rows, more = queries.rows_of(connection, sql, limit)
    if json:
        print_json(rows)
    elif sql is None:
        _print_newest(rows)
    else:
        _print_rows(rows)
    if more:
        err.print(f"There are more rows than {limit:,}; --limit shows more.")


def _print_newest(rows: list[Row]) -> None:
    if rows:
        first = rows[0]["window_start"]
        names = [name for name in rows[0] if out.width >= WIDE or name not in WALL_CLOCK]
        cells = [[row[name] for name in names] for row in rows]
        out.print(table("", [SHORT.get(name, name) for name in names], cells))
        out.print(f"newest second: {first:%Y-%m-%d %H:%M:%S} UTC", style="dim", highlight=False)
    else:
        err.print("sales_summary is empty: start sales on Locust's page or with `spaf load`.")


def _print_rows(rows: list[Row]) -> None:
    if rows:
        out.print(table("", list(rows[0]), [list(row.values()) for row in rows]))
    else:
        err.print("The query found no row.")
