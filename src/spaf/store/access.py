"""Who connects to PostgreSQL, as whom, and where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
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


class Role(StrEnum):
    """What a connection is for."""

    OWNER = "spaf_owner"
    SINK = "spaf_sink"
    READ = "spaf_read"


@dataclass(frozen=True)
class Access:
    """Everything needed to connect in any role.

    `passwords` is empty for a PostgreSQL of the user's own: its one account serves every role.
    """

    host: str
    port: int
    database: str
    schema: str
    user: str
    password: str
    passwords: dict[str, str]

    @classmethod
    def external(cls, dsn: str, schema: str) -> Access:
        """Return the access that a user's own connection string gives.

        Raises:
            StoreError: the string cannot be read.

        """
        try:
            parts = {k: str(v) for k, v in conninfo_to_dict(dsn).items()}
        except psycopg.ProgrammingError as error:
            raise StoreError(
                f"postgres.dsn cannot be read: {error}",
                todo="It looks like postgresql://user:password@host:5432/database",
            ) from None
        user = parts.get("user", "postgres")
        return cls(
            host=parts.get("host", "127.0.0.1"),
            port=int(parts.get("port", 5432)),
            database=parts.get("dbname", user),
            schema=schema,
            user=user,
            password=parts.get("password", ""),
            passwords={},
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
        options = f"-csearch_path={self.schema} -cTimeZone=UTC"
        if role is Role.READ:
            options += f" -cstatement_timeout={READ_TIMEOUT_MS} -cdefault_transaction_read_only=on"
        try:
            return psycopg.connect(
                host=self.host,
                port=self.port,
                dbname=self.database,
                user=user,
                password=password,
                options=options,
                application_name=f"spaf {role.name.lower()}",
                connect_timeout=CONNECT_TIMEOUT_S,
                autocommit=autocommit,
            )
        except psycopg.OperationalError as error:
            raise StoreError(
                f"PostgreSQL at {self.host}:{self.port} refused {user}: {_first_line(error)}",
                todo="See `spaf status` and `spaf logs postgres`.",
            ) from error

    def jdbc_url(self) -> str:
        """Return the address for the sink of the job."""
        options = {
            "currentSchema": self.schema,
            "reWriteBatchedInserts": "true",
            "connectTimeout": str(CONNECT_TIMEOUT_S),
            "socketTimeout": str(SINK_SOCKET_TIMEOUT_S),
            "tcpKeepAlive": "true",
            "ApplicationName": "spaf sink",
        }
        query = "&".join(f"{key}={quote(value)}" for key, value in options.items())
        return f"jdbc:postgresql://{self.host}:{self.port}/{quote(self.database)}?{query}"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
