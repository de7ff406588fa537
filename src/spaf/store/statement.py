"""SQL in files: one statement a file, in the `sql` folder of the package that uses it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from psycopg import sql


@cache
def statement(package: str, name: str) -> bytes:
    """Return the text of `sql/NAME.sql` of a package.

    Its parameters are psycopg's `%(name)s`, or DuckDB's `$name`.
    """
    return files(package).joinpath("sql", f"{name}.sql").read_bytes()


def composed(package: str, name: str, **parts: sql.Composable) -> sql.Composed:
    """Return a statement whose `{name}` placeholders are replaced by identifiers or literals.

    Only a statement that cannot have parameters, such as CREATE ROLE, needs this.

    Raises:
        KeyError: a placeholder has no value.

    """
    return sql.SQL(statement(package, name).decode()).format(**parts)
