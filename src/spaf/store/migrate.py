"""Numbered SQL files, applied once each, in order; a changed one is refused."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import psycopg
from psycopg import sql

from spaf.errors import StoreError
from spaf.store.access import DATABASE, Access, Role

# Two processes that migrate at once: the second waits for the first.
_LOCK = 0x59_41_46


def migrations() -> dict[str, str]:
    """Return name and text of each migration, in order."""
    folder = files("spaf.store").joinpath("sql")
    paths = sorted((p for p in folder.iterdir() if p.name.endswith(".sql")), key=lambda p: p.name)
    return {path.name: path.read_text() for path in paths}


def migrate(access: Access) -> list[str]:
    """Bring the schema up to date and return the names of what was applied.

    Raises:
        StoreError: a migration was changed after it had been applied, or one fails.

    """
    with access.session(Role.OWNER) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _create_schema(connection, access.schema)
        connection.execute(
            "CREATE TABLE IF NOT EXISTS schema_migration (name text PRIMARY KEY, "
            "sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[str, str] = dict(
            connection.execute("SELECT name, sha256 FROM schema_migration").fetchall()
        )
        return [
            name
            for name, text in migrations().items()
            if _apply(connection, name, text, applied.get(name))
        ]


def create_roles(access: Access, superuser: str, password: str) -> None:
    """Create database and roles of a PostgreSQL that SPAF has just made; do nothing if they exist.

    The owner changes tables, the sink writes rows, the reader reads; none is a superuser.
    """
    with psycopg.connect(
        host=access.host,
        port=access.port,
        user=superuser,
        password=password,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in Role:
            verb = "ALTER" if role in known else "CREATE"
            connection.execute(
                sql.SQL(f"{verb} ROLE {{}} LOGIN PASSWORD {{}}").format(
                    sql.Identifier(role), sql.Literal(access.passwords[role])
                )
            )
        exists = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
        if exists.fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(Role.OWNER)
                )
            )
            connection.execute(
                sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(DATABASE))
            )
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(
                    sql.Identifier(DATABASE), sql.Identifier(Role.SINK), sql.Identifier(Role.READ)
                )
            )


def _create_schema(connection: psycopg.Connection, name: str) -> None:
    """Create the schema if it is missing.

    `IF NOT EXISTS` alone asks for the right to create one even where there is nothing to create.
    """
    found = connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [name])
    if found.fetchone() is None:
        schema = sql.Identifier(name)
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(schema))


def _apply(connection: psycopg.Connection, name: str, text: str, applied: str | None) -> bool:
    digest = hashlib.sha256(text.encode()).hexdigest()
    if applied == digest:
        return False
    if applied is not None:
        raise StoreError(
            f"Migration {name} was changed after it had been applied.",
            todo="Add a new migration instead, or start anew with `spaf down --wipe`.",
        )
    try:
        connection.execute(text.encode())
    except psycopg.Error as error:
        raise StoreError(f"Migration {name} failed: {error}") from error
    connection.execute(
        "INSERT INTO schema_migration (name, sha256) VALUES (%s, %s)", [name, digest]
    )
    return True
