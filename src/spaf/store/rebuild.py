"""Tables that are built in a second schema, and replace those that are read in one transaction.

Only the tables that the job writes are replaced. Views, also those of the user, are defined anew
over them, and rights are carried over. A reader sees the old rows up to the commit, and the new
ones after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from spaf.errors import StoreError
from spaf.store.access import Access, Role
from spaf.store.migrate import migrate
from spaf.store.statement import composed, statement

# Schemas of the tables that are built, and of those that were replaced.
BUILT, RETIRED = "_spaf_next", "_spaf_old"
# PostgreSQL cuts longer names.
MAX_NAME = 63
MARK = "SPAF may drop this: tables of the schema {}"
# The tables that the job writes, and what is known of it.
TABLES = (
    "sales_summary",
    "ledger_second",
    "topic_position",
    "sale_anomaly",
    "window_anomaly",
    "duplicate_block",
    "job_record",
    # New tables hold everything again, until retention drops it again.
    "retention",
    "retention_ledger",
)
# Readers wait behind this lock, and it waits behind them: not for long, and then again.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '300ms'"
# A notification with this payload means that every row may be another one.
REPLACED = '"replaced"'
CHANNEL = "sales_"


def built(access: Access) -> Access:
    """Return the access to the tables that are being built for those of an access."""
    return replace(access, schema=_beside(access.schema, BUILT))


def blockers(access: Access) -> list[str]:
    """Return what depends on the tables and could not be led to new ones.

    Raises:
        StoreError: PostgreSQL does not answer.

    """
    with access.session(Role.OWNER) as connection:
        return [name for (name,) in _rows(connection, "blockers", access.schema)]


def create(access: Access) -> Access:
    """Create empty tables that may replace those of an access, and return the access to them.

    Raises:
        StoreError: the account may not create a schema, or a schema of the name is not SPAF's.

    """
    drop(access)
    beside = built(access)
    with access.session(Role.OWNER) as connection:
        _create(connection, access.schema, BUILT)
    migrate(beside)
    return beside


def exists(access: Access) -> bool:
    """Return whether a rebuild that has not ended has left tables.

    Raises:
        StoreError: PostgreSQL does not answer, or a schema of the name is not SPAF's.

    """
    with access.session(Role.READ) as connection:
        return any(_is_ours(connection, access.schema, suffix) for suffix in (BUILT, RETIRED))


def drop(access: Access) -> None:
    """Drop the tables that are built, and those that were replaced.

    Raises:
        StoreError: PostgreSQL does not answer, or a schema of the name is not SPAF's.

    """
    with access.session(Role.OWNER) as connection:
        for suffix in (BUILT, RETIRED):
            if _is_ours(connection, access.schema, suffix):
                name = sql.Identifier(_beside(access.schema, suffix))
                connection.execute(_compose("drop_schema", schema=name))


def swap(access: Access) -> bool:
    """Let the tables that were built take the place of the others; return whether it was possible.

    It is not while a session reads the tables for long: try again.

    Raises:
        StoreError: PostgreSQL does not answer, or refuses.

    """
    with access.session(Role.OWNER) as connection:
        try:
            _swap(connection, access.schema)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected):
            connection.rollback()
            return False
    return True


def _swap(connection: psycopg.Connection, schema: str) -> None:
    beside, retired = _beside(schema, BUILT), _beside(schema, RETIRED)
    connection.execute(LOCK_TIMEOUT)
    old, new = _tables(connection, schema), _tables(connection, beside)
    named = [
        *(_name(schema, relation) for relation in old),
        *(_name(beside, relation) for relation in new),
    ]
    connection.execute(_compose("lock_tables", tables=sql.SQL(", ").join(named)))
    views = _rows(connection, "views", schema)
    rights = _rows(connection, "grants", schema)
    functions = [name for (name,) in _rows(connection, "functions", beside)]
    known = {name for (name,) in _rows(connection, "functions", schema)}
    _create(connection, schema, RETIRED)
    _move(
        connection, schema, retired, old, [function for function in functions if function in known]
    )
    _move(connection, beside, schema, new, functions)
    for owner, view, definition, options in views:
        _define(connection, _name(owner, view), definition, options)
    for table, grantee, right in rights:
        account = sql.SQL("PUBLIC") if grantee == "public" else sql.Identifier(grantee)
        parts = {"right": _text(right), "relation": _name(schema, table), "grantee": account}
        if table in new:
            connection.execute(_compose("grant_right", **parts))
    channel = {"channel": f"{CHANNEL}{schema}", "payload": REPLACED}
    connection.execute(_sql("notify_replaced"), channel)


def _move(
    connection: psycopg.Connection,
    source: str,
    target: str,
    tables: Iterable[str],
    functions: Iterable[str],
) -> None:
    schema = sql.Identifier(target)
    for name in functions:
        parts = {"function": _name(source, name), "schema": schema}
        connection.execute(_compose("move_function", **parts))
    for name in tables:
        connection.execute(_compose("move_table", table=_name(source, name), schema=schema))


def _define(
    connection: psycopg.Connection, view: sql.Identifier, definition: str, options: str | None
) -> None:
    parts: dict[str, sql.Composable] = {
        "view": view,
        "view_options": _text(f"WITH ({options})" if options else ""),
        "definition": _text(definition.rstrip().rstrip(";")),
    }
    connection.execute(_compose("replace_view", **parts))


def _create(connection: psycopg.Connection, schema: str, suffix: str) -> None:
    name = sql.Identifier(_beside(schema, suffix))
    connection.execute(_compose("create_schema", schema=name))
    mark = sql.Literal(MARK.format(schema))
    connection.execute(_compose("mark_schema", schema=name, mark=mark))


def _is_ours(connection: psycopg.Connection, schema: str, suffix: str) -> bool:
    """Return whether there is a second schema, next to another one, that SPAF has created.

    Raises:
        StoreError: there is one that SPAF has not created.

    """
    name = _beside(schema, suffix)
    row = connection.execute(_sql("schema_mark"), {"of_schema": name}).fetchone()
    if row is None:
        return False
    if row != (MARK.format(schema),):
        raise StoreError(
            f"The schema {name} is needed for tables that are built anew, but SPAF has not "
            "created it.",
            todo="Rename it, or count into another schema (SPAF_POSTGRES__SCHEMA_NAME).",
        )
    return True


def _beside(schema: str, suffix: str) -> str:
    return f"{schema[: MAX_NAME - len(suffix)]}{suffix}"


def _tables(connection: psycopg.Connection, schema: str) -> list[str]:
    return [name for (name,) in _rows(connection, "tables", schema)]


def _rows(connection: psycopg.Connection, name: str, schema: str) -> list[tuple[Any, ...]]:
    values = {"of_schema": schema, "names": list(TABLES)}
    return connection.execute(_sql(name), values).fetchall()


def _name(schema: str, name: str) -> sql.Identifier:
    return sql.Identifier(schema, name)


def _text(text: str) -> sql.SQL:
    """Return a text of PostgreSQL's own as a part of a statement."""
    return sql.SQL(text)


def _sql(name: str) -> bytes:
    return statement("spaf.store", f"rebuild/{name}")


def _compose(name: str, **parts: sql.Composable) -> sql.Composed:
    return composed("spaf.store", f"rebuild/{name}", **parts)
