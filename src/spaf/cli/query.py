"""`spaf query`: the query of the brief."""

from __future__ import annotations

from typing import Annotated

import typer

from spaf import settings
from spaf.cli.terminal.output import Json, err, out, print_json, table
from spaf.stack.run import Run
from spaf.store import queries
from spaf.store.access import Role

# Short column names; the wall-clock columns only in a terminal of at least WIDE characters.
SHORT = {"window_start": "second", "sales_count": "sales", "units_sold": "units"}
WALL_CLOCK = ("created_at", "updated_at")
WIDE = 110


def query(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many rows.")] = 10,
    *,
    json: Json = False,
) -> None:
    """Show the newest rows: SELECT * FROM sales_summary ORDER BY created_at DESC LIMIT 10."""
    run = Run.attach(settings.load())
    with run.access.session(Role.READ) as connection:
        rows = queries.newest_sales(connection, limit)
    if json:
        print_json(rows)
    elif rows:
        first = rows[0]["window_start"]
        names = [name for name in rows[0] if out.width >= WIDE or name not in WALL_CLOCK]
        cells = [[row[name] for name in names] for row in rows]
        out.print(table("", [SHORT.get(name, name) for name in names], cells))
        out.print(f"newest second: {first:%Y-%m-%d %H:%M:%S} UTC", style="dim", highlight=False)
    else:
        err.print("sales_summary is empty: start sales on Locust's page or with `spaf load`.")
