"""Set-up of the database: roles, and numbered migrations, each applied once and in order."""

from __future__ import annotations

import hashlib
from importlib.resources import files

import psycopg
from psycopg import sql

from spaf.errors import StoreError
from spaf.store.access import DATABASE, Access, Role
from spaf.store.statement import composed, statement

# Of two processes that migrate at once the second waits for the first.
_LOCK = 0x59_41_46


def migrations() -> dict[str, str]:
    """Return name and text of each migration, in order."""
    folder = files("spaf.store").joinpath("sql", "migrations")
    paths = sorted((p for p in folder.iterdir() if p.name.endswith(".sql")), key=lambda p: p.name)
    return {path.name: path.read_text() for path in paths}


def migrate(access: Access) -> list[str]:
    """Apply the missing migrations and return their names.

    Raises:
        StoreError: a migration was changed after it had been applied, or one fails.

    """
    with access.session(Role.OWNER) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        _create_schema(connection, access.schema)
        connection.execute(_setup("create_schema_migration"))
        applied: dict[str, str] = dict(connection.execute(_setup("applied_migrations")).fetchall())
        return [
            name
            for name, text in migrations().items()
            if _apply(connection, name, text, applied.get(name))
        ]


def create_roles(access: Access, superuser: str, password: str) -> None:
    """Create the missing roles and the database of a PostgreSQL that SPAF starts.

    The owner changes tables, the sink writes rows, the reader reads; none is a superuser.

    Raises:
        StoreError: the server does not answer, or refuses the superuser.

    """
    database = sql.Identifier(DATABASE)
    first = access.superuser(superuser, password, "postgres")
    with first.connect(Role.OWNER, autocommit=True) as connection:
        existing = {name for (name,) in connection.execute(_setup("role_names"))}
        for role in Role:
            connection.execute(
                _compose(
                    "alter_role" if role in existing else "create_role",
                    role=sql.Identifier(role),
                    password=sql.Literal(access.passwords[role]),
                )
            )
        if not _holds(connection, "has_database", database=DATABASE):
            owner, sink, reader = (sql.Identifier(role) for role in Role)
            connection.execute(_compose("create_database", database=database, owner=owner))
            connection.execute(_compose("revoke_database", database=database))
            connection.execute(
                _compose("grant_connect", database=database, sink=sink, reader=reader)
            )


def _create_schema(connection: psycopg.Connection, name: str) -> None:
    """Create the schema if it is missing.

    `IF NOT EXISTS` alone needs the right to create one even where the schema exists.
    """
    if not _holds(connection, "has_schema", schema=name):
        connection.execute(_compose("create_schema", schema=sql.Identifier(name)))


def _setup(name: str) -> bytes:
    return statement("spaf.store", f"setup/{name}")


def _compose(name: str, **parts: sql.Composable) -> sql.Composed:
    return composed("spaf.store", f"setup/{name}", **parts)


def _holds(connection: psycopg.Connection, name: str, **values: str) -> bool:
    return connection.execute(_setup(name), values).fetchone() == (True,)


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
    connection.execute(_setup("insert_migration"), {"name": name, "sha256": digest})
    return True
