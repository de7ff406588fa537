"""Who connects to PostgreSQL, as whom, and where."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict

from spaf.errors import StoreError

DATABASE = "spaf"
CONNECT_TIMEOUT_S = 3
# A query of a person or of a check that runs longer than this is a mistake, milliseconds.
READ_TIMEOUT_MS = 60_000
# A sink that hears nothing for this long reconnects instead of blocking its task for ever, seconds.
SINK_SOCKET_TIMEOUT_S = 10
EXAMPLE = "It looks like postgresql://user:password@host:5432/database"
# Options of libpq that the sink's driver, pgjdbc, has under the same name, and that decide whom it
# trusts and who it is.
JDBC_TOO = ("sslmode", "sslrootcert", "sslcert", "sslkey", "options")


class Role(StrEnum):
    """What a connection is for."""

    OWNER = "spaf_owner"
    SINK = "spaf_sink"
    READ = "spaf_read"


@dataclass(frozen=True)
class Access:
    """Everything needed to connect in any role.

    `passwords` is empty for a PostgreSQL of the user's own: its one account serves every role.
    `options` are libpq's, as the user's connection string has them; connections from here use all,
    the sink those of `JDBC_TOO`.
    """

    host: str
    port: int
    database: str
    schema: str
    user: str
    password: str
    passwords: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def external(cls, dsn: str, schema: str) -> Access:
        """Return the access that a user's own connection string gives.

        Raises:
            StoreError: the string cannot be read, or names more than one server.

        """
        parts = _parts(dsn)
        user = parts.pop("user", "postgres")
        return cls(
            host=parts.pop("host", "127.0.0.1"),
            port=_port(parts.pop("port", "5432")),
            database=parts.pop("dbname", user),
            schema=schema,
            user=user,
            password=parts.pop("password", ""),
            passwords={},
            options=parts,
        )

    @classmethod
    def own(cls, host: str, port: int, schema: str, passwords: dict[str, str]) -> Access:
        """Return the access to the PostgreSQL that SPAF starts."""
        return cls(host, port, DATABASE, schema, "", "", passwords)

    def credentials(self, role: Role) -> tuple[str, str]:
        """Return user and password of a role."""
        return (role, self.passwords[role]) if self.passwords else (self.user, self.password)

    def connect(self, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
        """Open a connection.

        Raises:
            StoreError: the server does not answer or does not let us in.

        """
        user, password = self.credentials(role)
        try:
            return psycopg.connect(
                **self._libpq(role), user=user, password=password, autocommit=autocommit
            )
        except psycopg.OperationalError as error:
            raise self._refused(user, error) from error

    async def connect_async(self, role: Role) -> psycopg.AsyncConnection:
        """Open a connection for a loop; each of its statements is a transaction.

        Raises:
            StoreError: the server does not answer or does not let us in.

        """
        user, password = self.credentials(role)
        try:
            return await psycopg.AsyncConnection.connect(
                **self._libpq(role), user=user, password=password, autocommit=True
            )
        except psycopg.OperationalError as error:
            raise self._refused(user, error) from error

    def _refused(self, user: str, error: psycopg.OperationalError) -> StoreError:
        return StoreError(
            f"PostgreSQL at {self.host}:{self.port} refused {user}: {_first_line(error)}",
            todo="See `spaf status` and `spaf logs postgres`.",
        )

    def _libpq(self, role: Role) -> dict[str, Any]:
        """Return everything but the account; what the job's answers depend on stays ours."""
        settings = f"-csearch_path={self.schema} -cTimeZone=UTC"
        if role is Role.READ:
            settings += f" -cstatement_timeout={READ_TIMEOUT_MS} -cdefault_transaction_read_only=on"
        return {
            "application_name": f"spaf {role.name.lower()}",
            "connect_timeout": CONNECT_TIMEOUT_S,
            **self.options,
            "options": f"{self.options.get('options', '')} {settings}".strip(),
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
        }

    @contextmanager
    def session(self, role: Role, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
        """Open a connection for a block; what fails inside is a StoreError.

        Raises:
            StoreError: the server does not answer, does not let us in, or goes away.

        """
        try:
            with self.connect(role, autocommit=autocommit) as connection:
                yield connection
        except psycopg.Error as error:
            raise StoreError(
                f"PostgreSQL at {self.host}:{self.port} failed: {_first_line(error)}",
                todo="See `spaf status` and `spaf logs postgres`.",
            ) from error

    def jdbc_url(self) -> str:
        """Return the address for the sink of the job.

        Raises:
            StoreError: the server is reached by a socket file, which Java has none of.

        """
        if self.host.startswith(("/", "@")):
            raise StoreError(
                f"postgres.dsn names the socket folder {self.host}, but Flink needs TCP.",
                todo="Name the server's address, such as host=127.0.0.1, instead.",
            )
        options = {
            **{name: self.options[name] for name in JDBC_TOO if name in self.options},
            "currentSchema": self.schema,
            "reWriteBatchedInserts": "true",
            "connectTimeout": self.options.get("connect_timeout", str(CONNECT_TIMEOUT_S)),
            "socketTimeout": str(SINK_SOCKET_TIMEOUT_S),
            "tcpKeepAlive": "true",
            "ApplicationName": "spaf sink",
        }
        query = "&".join(f"{key}={quote(value)}" for key, value in options.items())
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"jdbc:postgresql://{host}:{self.port}/{quote(self.database)}?{query}"


def _parts(dsn: str) -> dict[str, str]:
    """Return what the string says, empty parts left out.

    Raises:
        StoreError: libpq cannot read it, or it depends on what only libpq knows.

    """
    try:
        parts = {k: str(v) for k, v in conninfo_to_dict(dsn).items() if v not in (None, "")}
    except psycopg.ProgrammingError:
        # libpq's own words repeat what it stumbled over, which may be the password.
        raise StoreError(
            "postgres.dsn cannot be read: it is no connection string.", todo=EXAMPLE
        ) from None
    if "," in parts.get("host", ""):
        raise StoreError("postgres.dsn names more than one host; SPAF uses one.", todo=EXAMPLE)
    # The sink would connect elsewhere, or as nobody.
    elsewhere = [name for name in ("hostaddr", "service", "passfile") if name in parts]
    if elsewhere:
        raise StoreError(
            f"postgres.dsn has {elsewhere[0]}, which Flink does not understand.", todo=EXAMPLE
        )
    return parts


def _port(text: str) -> int:
    if not text.isdecimal():
        raise StoreError("postgres.dsn names a port that is no number.", todo=EXAMPLE)
    return int(text)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
