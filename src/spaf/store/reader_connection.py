"""One connection that only reads, for a part that asks again and again."""

from __future__ import annotations

import contextlib

import psycopg

from spaf.store.access import Access, Role


class ReaderConnection:
    """A connection of the reader's role, opened when it is needed, and again after a loss."""

    def __init__(
        self,
        access: Access,
        statement_timeout_ms: int,
        *,
        lock_timeout_ms: int = 0,
        isolation: psycopg.IsolationLevel | None = None,
    ) -> None:
        """Keep how to connect; no request is sent yet.

        Args:
            access: whose reader.
            statement_timeout_ms: after which PostgreSQL cancels a statement.
            lock_timeout_ms: the same for the wait for a lock; 0: none of its own.
            isolation: of its transactions; None: PostgreSQL's default.

        """
        self._access = access
        self._timeouts = {"statement_timeout": statement_timeout_ms}
        if lock_timeout_ms:
            self._timeouts["lock_timeout"] = lock_timeout_ms
        self._isolation = isolation
        self._connection: psycopg.Connection | None = None

    def get(self) -> psycopg.Connection:
        """Return the connection, opened unless it is open.

        Raises:
            StoreError: PostgreSQL does not answer.
            psycopg.Error: it disconnects at once.

        """
        if self._connection is None:
            connection = self._access.connect(Role.READ, autocommit=True)
            if self._isolation is not None:
                connection.isolation_level = self._isolation
            for name, milliseconds in self._timeouts.items():
                connection.execute(f"SET {name} = {milliseconds}".encode())
            self._connection = connection
        return self._connection

    def close(self) -> None:
        """Close the connection; the next use opens another."""
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
