"""SQL in files: one statement each, described in line 1, used, and nowhere else."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from psycopg import sql

import spaf
from spaf.store.statement import composed, statement

PACKAGE = Path(spaf.__file__).parent
# The packages whose SQL is PostgreSQL's; migrations are whole scripts.
USERS = ("bench", "quarantine", "serve", "store")
FILES = [
    path
    for user in USERS
    for path in sorted(PACKAGE.joinpath(user, "sql").rglob("*.sql"))
    if path.parent.name != "migrations"
]
SQL = re.compile(
    r"\s*(SELECT|INSERT INTO|DELETE FROM|UPDATE \w+ SET|WITH \w+ AS|CREATE|ALTER|COPY|TRUNCATE)\b"
)
# Statements of a session, which stay where they are used.
OF_A_SESSION = {
    "store/migrate.py": ["SELECT pg_advisory_xact_lock(%s)"],
    "stack/postgres.py": ["SELECT true"],
}


def package_of(path: Path) -> str:
    """Return the name of the package below `spaf` that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0]


each = pytest.mark.parametrize("path", FILES, ids=[f"{package_of(p)}/{p.stem}" for p in FILES])


@each
def test_first_line_states_purpose_and_grain(path: Path) -> None:
    """One line is enough to choose the file."""
    assert re.match(r"-- \w.+\. Grain: .+\.\n", path.read_text())


@each
def test_file_is_one_statement(path: Path) -> None:
    """Psycopg prepares one statement, and a percent sign always begins a parameter."""
    assert ";" not in re.sub(r"(?m)^--.*", "", path.read_text())
    assert not re.search(r"%(?!\(\w+\)s)", path.read_text())


@each
def test_file_is_used(path: Path) -> None:
    """A module of its package names it."""
    modules = PACKAGE.joinpath(package_of(path)).rglob("*.py")
    assert any(f'{path.stem}"' in module.read_text() for module in modules)


def literals(module: Path) -> list[str]:
    """Return the string literals of a module that are no docstrings."""
    tree = ast.parse(module.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    ]


def test_no_module_has_a_query_of_its_own() -> None:
    """A query in a Python string is neither linted nor found among the others."""
    queries = {
        str(path.relative_to(PACKAGE)): [text for text in literals(path) if SQL.match(text)]
        for path in PACKAGE.rglob("*.py")
        if package_of(path) not in ("job", "verify")
    }
    assert {name: texts for name, texts in queries.items() if texts} == OF_A_SESSION


def test_identifiers_and_literals_are_quoted() -> None:
    """A hostile name stays inside its quotes; a placeholder without a value is an error."""
    role = sql.Identifier('a"; DROP')
    text = composed("spaf.store", "setup/create_role", role=role, password=sql.Literal("it's"))
    assert text.as_string().endswith("CREATE ROLE \"a\"\"; DROP\" LOGIN PASSWORD 'it''s'\n")
    with pytest.raises(KeyError):
        composed("spaf.store", "setup/create_role", role=role)
    assert statement("spaf.store", "setup/role_names").endswith(b"SELECT rolname FROM pg_roles\n")
