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
# Programs of other frameworks, each alone in its folder, as its documentation writes it.
PROGRAMS = PACKAGE / "bench" / "peers" / "programs"
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


TEXTS = {f"{package_of(path)}/{path.stem}": path.read_text() for path in FILES}


def test_first_line_states_purpose_and_grain() -> None:
    """One line is enough to choose a file."""
    first = re.compile(r"-- \w.+\. Grain: .+\.\n")
    assert [name for name, text in TEXTS.items() if not first.match(text)] == []


def test_each_file_is_one_statement() -> None:
    """Psycopg prepares one statement, and a percent sign always begins a parameter."""
    several = [name for name, text in TEXTS.items() if ";" in re.sub(r"(?m)^--.*", "", text)]
    percent = [name for name, text in TEXTS.items() if re.search(r"%(?!\(\w+\)s)", text)]
    assert (several, percent) == ([], [])


def test_each_file_is_used() -> None:
    """A module of its package names it."""
    code = {
        user: "".join(module.read_text() for module in PACKAGE.joinpath(user).rglob("*.py"))
        for user in USERS
    }
    unused = [path for path in FILES if f'{path.stem}"' not in code[package_of(path)]]
    assert unused == []


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
        if package_of(path) not in ("job", "verify") and PROGRAMS not in path.parents
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
