"""Connections to PostgreSQL: server, account and options, by role."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from spaf.errors import SettingsError, StoreError
from spaf.files import SECRET_MODE, write_atomically
from spaf.settings import PostgresSettings, secret
from spaf.store.refusals import explained, is_tls_failure
from spaf.tls import TlsFiles, TlsNames, key_bytes, system_ca_file

DATABASE = "spaf"
CONNECT_TIMEOUT_S = 3
# A query of a user or of a check that runs longer than this is a mistake.
READ_TIMEOUT_MS = 60_000
# A sink without an answer for this long reconnects instead of blocking its task for ever.
SINK_SOCKET_TIMEOUT_S = 10
# Of loopback, where the PostgreSQL that SPAF starts listens.
OTHER_NAME = "localhost"
# What a sink needs to wait for that server. By default the driver leaves out an address that has
# failed in the last 10 s; and it waits for half as long if it asks for encryption first, which that
# server does not have.
WAITING_OPTIONS = {"hostRecheckSeconds": "0", "sslmode": "disable"}
EXAMPLE = "It looks like postgresql://user:password@host:5432/database"
# Options of libpq for TLS and the session, and how pgjdbc, the sink's driver, calls them.
JDBC_OPTIONS = {
    "sslmode": "sslmode",
    "sslrootcert": "sslrootcert",
    "sslcert": "sslcert",
    "sslkey": "sslkey",
    "sslnegotiation": "sslNegotiation",
    "channel_binding": "channelBinding",
    "gssencmode": "gssEncMode",
    "options": "options",
}
# libpq's name for the authorities that the system trusts.
SYSTEM = "system"
# Asks a server for TLS: the length of the message, and a code of the protocol.
SSL_REQUEST = bytes.fromhex("0000000804d2162f")


TLS_NAMES = TlsNames(
    "sslrootcert of postgres.dsn",
    "sslcert of postgres.dsn",
    "sslkey of postgres.dsn",
    "sslpassword of postgres.dsn",
    "postgres.dsn",
)
# The same for a server of SPAF on another host.
HOST_NAMES = TlsNames.of("postgres", "host")


class Role(StrEnum):
    """The purpose of a connection, and the account that it uses."""

    OWNER = "spaf_owner"
    SINK = "spaf_sink"
    READ = "spaf_read"


@dataclass(frozen=True)
class Access:
    """Everything that a connection in any role needs.

    `passwords` is empty for a PostgreSQL of the user's own: its one account serves every role.
    `options` are libpq's options in the user's connection string. SPAF's connections use all of
    them, the sink those of `JDBC_OPTIONS`.
    """

    host: str
    port: int
    database: str
    schema: str
    user: str
    password: str
    passwords: dict[str, str]
    options: dict[str, str] = field(default_factory=dict)
    # How messages call where the server and its certificates are named.
    names: TlsNames = TLS_NAMES
    # Port of the host at which connections are held while the server is restarted; 0: none.
    waiting_port: int = 0

    @classmethod
    def external(cls, dsn: str, schema: str, password: str = "") -> Access:
        """Return the access of a user's own connection string; `password` is for one without it.

        Raises:
            StoreError: the string is malformed, or names more than one server.

        """
        parts = _parts(dsn)
        # As libpq does it; without a file it would look below the home folder.
        if parts.get("sslrootcert") == SYSTEM:
            parts.setdefault("sslmode", "verify-full")
        elif parts.get("sslmode", "").startswith("verify-"):
            parts.setdefault("sslrootcert", SYSTEM)
        user = parts.pop("user", "postgres")
        return cls(
            host=parts.pop("host", "127.0.0.1"),
            port=_port(parts.pop("port", "5432")),
            database=parts.pop("dbname", user),
            schema=schema,
            user=user,
            password=parts.pop("password", password),
            passwords={},
            options=parts,
        )

    @classmethod
    def own(
        cls, host: str, port: int, schema: str, passwords: dict[str, str], ca: Path | None = None
    ) -> Access:
        """Return the access to the PostgreSQL that SPAF starts, here or on another host.

        With the authority `ca` the connections are encrypted, and the certificate must be for the
        host.
        """
        options = {} if ca is None else {"sslmode": "verify-full", "sslrootcert": str(ca)}
        return cls(host, port, DATABASE, schema, "", "", passwords, options, HOST_NAMES)

    def superuser(self, name: str, password: str, database: str) -> Access:
        """Return the access of a superuser to a database of the same server."""
        return replace(self, user=name, password=password, database=database, passwords={})

    @property
    def tables(self) -> str:
        """Name the tables: those of the PostgreSQL that SPAF starts, or of a user's own."""
        server = "" if self.passwords else f"{self.host}:{self.port}/{self.database}/"
        return f"{server}{self.schema}"

    def credentials(self, role: Role) -> tuple[str, str]:
        """Return user and password of a role."""
        return (role, self.passwords[role]) if self.passwords else (self.user, self.password)

    def conninfo(self, role: Role) -> str:
        """Return the connection string of a role, with its account, for another program."""
        user, password = self.credentials(role)
        return make_conninfo(**self._libpq(role), user=user, password=password)

    def connect(self, role: Role, *, autocommit: bool = False) -> psycopg.Connection:
        """Open a connection.

        Raises:
            StoreError: the server does not answer, or refuses the account.

        """
        user, password = self.credentials(role)
        try:
            return psycopg.connect(
                **self._libpq(role), user=user, password=password, autocommit=autocommit
            )
        except psycopg.OperationalError as error:
            raise self._refused(role, error) from error

    async def connect_async(self, role: Role) -> psycopg.AsyncConnection:
        """Open a connection for asyncio; each of its statements is a transaction.

        Raises:
            StoreError: the server does not answer, or refuses the account.

        """
        user, password = self.credentials(role)
        try:
            return await psycopg.AsyncConnection.connect(
                **self._libpq(role), user=user, password=password, autocommit=True
            )
        except psycopg.OperationalError as error:
            raise self._refused(role, error) from error

    @classmethod
    def of(cls, settings: PostgresSettings) -> Access:
        """Return the access to the PostgreSQL that the settings name.

        Raises:
            StoreError: the connection string is malformed, or names more than one server.
            SettingsError: a file of the settings cannot be read.

        """
        dsn, password = secret(settings, "dsn"), secret(settings, "password")
        return cls.external(dsn, settings.schema_name, password)

    @property
    def tls(self) -> TlsFiles:
        """The certificates of the connection string."""
        ca, cert, key = (self.options.get(name) for name in ("sslrootcert", "sslcert", "sslkey"))
        return TlsFiles(
            Path(ca) if ca and ca != SYSTEM else None,
            Path(cert) if cert else None,
            Path(key) if key else None,
            self.options.get("sslpassword", ""),
            self.names,
        )

    def explained(self, error: str, user: str) -> str:
        """Return why the server refuses a connection or a statement; empty for another error."""
        if is_tls_failure(error):
            try:
                self.tls.check()
            except SettingsError as problem:
                return problem.what.rstrip(".")
            refusal = self.tls.refusal(self.host, self.port, SSL_REQUEST)
            if refusal:
                return refusal
        return explained(error, user)

    def refusal(self, role: Role, error: psycopg.Error) -> StoreError | None:
        """Return the error for what the server refuses to a role; None for another failure."""
        reason = self.explained(str(error), self.credentials(role)[0])
        if not reason:
            return None
        return StoreError(
            f"PostgreSQL at {self.host}:{self.port} refuses SPAF: {reason}.",
            todo="Correct the settings of [postgres] (SPAF_POSTGRES__...), or the rights at the "
            "server.",
        )

    def _refused(self, role: Role, error: psycopg.OperationalError) -> StoreError:
        user = self.credentials(role)[0]
        return self.refusal(role, error) or StoreError(
            f"PostgreSQL at {self.host}:{self.port} refused {user}: {_first_line(error)}",
            todo="See `spaf status` and `spaf logs postgres`.",
        )

    def _libpq(self, role: Role) -> dict[str, Any]:
        """Return all but the account; the user's options cannot change schema or time zone."""
        settings = f"-csearch_path={self.schema} -cTimeZone=UTC"
        if role is Role.READ:
            settings += f" -cstatement_timeout={READ_TIMEOUT_MS} -cdefault_transaction_read_only=on"
        return {
            "application_name": f"spaf {role.name.lower()}",
            "connect_timeout": CONNECT_TIMEOUT_S,
            **self.options,
            **self._system_authorities(),
            "options": f"{self.options.get('options', '')} {settings}".strip(),
            "host": self.host,
            "port": self.port,
            "dbname": self.database,
        }

    @contextmanager
    def session(self, role: Role, *, autocommit: bool = False) -> Iterator[psycopg.Connection]:
        """Open a connection for a block; an error of PostgreSQL in it becomes a StoreError.

        Raises:
            StoreError: the server does not answer, refuses the account, or disconnects.

        """
        try:
            with self.connect(role, autocommit=autocommit) as connection:
                yield connection
        except psycopg.Error as error:
            raise self.refusal(role, error) or StoreError(
                f"PostgreSQL at {self.host}:{self.port} failed: {_first_line(error)}",
                todo="See `spaf status` and `spaf logs postgres`.",
            ) from error

    def _system_authorities(self) -> dict[str, str]:
        """Return the file that replaces `sslrootcert=system`: libpq's own OpenSSL has none."""
        file = system_ca_file() if self.options.get("sslrootcert") == SYSTEM else None
        return {} if file is None else {"sslrootcert": str(file)}

    def write_client_key(self, file: Path) -> None:
        """Write the key of the client certificate as pgjdbc reads it, if there is one.

        Raises:
            SettingsError: the key cannot be read.

        """
        key = self.tls.private_key()
        if key is not None:
            write_atomically(file, key_bytes(key, "DER"), mode=SECRET_MODE)

    def _jdbc_key(self, converted: Path | None) -> dict[str, str]:
        """Return the options of the client's key: the converted one, or the user's own."""
        if converted is not None:
            return {"sslkey": str(converted)}
        # pgjdbc takes a key in PEM for one of RSA unless this says otherwise.
        return {"pemKeyAlgorithm": "EC"} if _is_elliptic(self.tls) else {}

    def jdbc_url(
        self,
        client_key: Path | None = None,
        moves_to: str = "",
        *,
        counts_may_shrink: bool = False,
    ) -> str:
        """Return the JDBC URL for the sink of the job.

        Args:
            client_key: the file of `write_client_key`, for a cluster on this machine.
            moves_to: schema that the tables move to while the job runs.
            counts_may_shrink: a row may count fewer sales than before, because of deduplication;
                otherwise such a row is one of a past that is counted again, and is refused.

        Raises:
            StoreError: the server is reached by a Unix socket, which pgjdbc does not support.

        """
        if self.host.startswith(("/", "@")):
            raise StoreError(
                f"postgres.dsn names the socket folder {self.host}, but Flink needs TCP.",
                todo="Name the server's address, such as host=127.0.0.1, instead.",
            )
        known = {
            jdbc: self.options[name] for name, jdbc in JDBC_OPTIONS.items() if name in self.options
        }
        if known.get("sslrootcert") == SYSTEM:
            del known["sslrootcert"]
            known["sslfactory"] = "org.postgresql.ssl.DefaultJavaSSLFactory"
        if "sslkey" in known:
            known |= self._jdbc_key(client_key)
        options = {
            **known,
            "currentSchema": f"{self.schema},{moves_to}" if moves_to else self.schema,
            "reWriteBatchedInserts": "true",
            "connectTimeout": self.options.get("connect_timeout", str(CONNECT_TIMEOUT_S)),
            "socketTimeout": str(SINK_SOCKET_TIMEOUT_S),
            "tcpKeepAlive": "true",
            **(WAITING_OPTIONS if self.waiting_port else {}),
            "ApplicationName": "spaf sink",
            **({"options": "-c spaf.counts_may_shrink=on"} if counts_may_shrink else {}),
        }
        query = "&".join(f"{key}={quote(value)}" for key, value in options.items())
        return f"jdbc:postgresql://{self._jdbc_hosts()}/{quote(self.database)}?{query}"

    def _jdbc_hosts(self) -> str:
        """Return the addresses that the driver tries in turn for one connection.

        A sink that finds no server fails, and takes its TaskManager with it. So a connection that
        is refused waits, and then tries the server again, under another name: the driver tries no
        address twice.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        hosts = [f"{host}:{self.port}"]
        if self.waiting_port:
            hosts += [f"{host}:{self.waiting_port}", f"{OTHER_NAME}:{self.port}"]
        return ",".join(hosts)


def _is_elliptic(files: TlsFiles) -> bool:
    """Return whether the key is one of elliptic curves; a key that is not PEM says what it is."""
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - slow

    try:
        return isinstance(files.private_key(), ec.EllipticCurvePrivateKey)
    except SettingsError:
        return False


def _parts(dsn: str) -> dict[str, str]:
    """Return the parts of a connection string that are not empty.

    Raises:
        StoreError: libpq cannot parse it, or it has a part that pgjdbc does not know.

    """
    try:
        parts = {k: str(v) for k, v in conninfo_to_dict(dsn).items() if v not in (None, "")}
    except psycopg.ProgrammingError:
        # libpq's message quotes the part that it could not parse, which may be the password.
        raise StoreError(
            "postgres.dsn cannot be read: it is no connection string.", todo=EXAMPLE
        ) from None
    if "," in parts.get("host", ""):
        raise StoreError("postgres.dsn names more than one host; SPAF uses one.", todo=EXAMPLE)
    # With these the sink would connect to another server, or without an account.
    unsupported = [name for name in ("hostaddr", "service", "passfile") if name in parts]
    if unsupported:
        raise StoreError(
            f"postgres.dsn has {unsupported[0]}, which Flink does not understand.", todo=EXAMPLE
        )
    return parts


def _port(text: str) -> int:
    if not text.isdecimal():
        raise StoreError("postgres.dsn names a port that is no number.", todo=EXAMPLE)
    return int(text)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
