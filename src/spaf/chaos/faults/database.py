"""What happens to a PostgreSQL that goes on: locks, rights, columns, connections, a crash."""

from __future__ import annotations

import contextlib
import os
import signal
from typing import ClassVar

import psycopg

from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.errors import StackError
from spaf.stack import postgres
from spaf.stack.state import SUPERUSER_SECRET
from spaf.store.access import Role
from spaf.store.statement import statement

# A fault that waits for a lock itself gives up after this, milliseconds.
LOCK_MS = 5_000
# More than `max_connections`.
MAX_CONNECTIONS = 200
HOLD_S = (10.0,)


def superuser(scene: Scene) -> psycopg.Connection:
    """Connect as a person who may do anything in the database.

    Raises:
        psycopg.Error: the server refuses.

    """
    access = scene.run.access
    return psycopg.connect(
        host=access.host,
        port=access.port,
        user=postgres.SUPERUSER,
        password=scene.run.home.passwords()[SUPERUSER_SECRET],
        dbname=access.database,
        options=f"-csearch_path={access.schema} -clock_timeout={LOCK_MS}",
        autocommit=True,
    )


def execute(scene: Scene, name: str) -> list[tuple[object, ...]]:
    """Run a statement of the faults; return its rows.

    Raises:
        psycopg.Error: the server refuses.

    """
    with superuser(scene) as connection:
        cursor = connection.execute(statement("spaf.chaos", name))
        return cursor.fetchall() if cursor.description else []


class ChangedDatabase(Fault):
    """A statement changes something that the job needs, another one changes it back."""

    STATEMENTS: ClassVar = {
        "role": ("revoke_insert", "grant_insert"),
        "column": ("hide_column", "show_column"),
    }

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep what to change."""
        self._scene = scene
        self._change, self._back = self.STATEMENTS[target]
        self._changed = False

    def inject(self) -> None:
        """Change it."""
        execute(self._scene, self._change)
        self._changed = True

    def happened(self) -> bool:
        """Return whether the statement has passed."""
        return self._changed

    def lift(self) -> None:
        """Change it back."""
        if self._changed:
            execute(self._scene, self._back)
            self._changed = False


class LockedTable(Fault):
    """Another session locks a table, as a person with an open transaction does."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep where."""
        self._scene = scene
        self._session: psycopg.Connection | None = None
        self._locked = False

    def inject(self) -> None:
        """Lock it."""
        self._session = superuser(self._scene)
        self._session.execute("BEGIN")
        self._session.execute("LOCK TABLE sales_summary IN ACCESS EXCLUSIVE MODE")
        self._locked = True

    def happened(self) -> bool:
        """Return whether the lock is held."""
        return self._locked

    def lift(self) -> None:
        """End the session, and the lock with it."""
        if self._session is not None:
            self._session.close()


class UsedConnections(Fault):
    """Sessions take every connection that PostgreSQL allows."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep where."""
        self._scene = scene
        self._sessions: list[psycopg.Connection] = []
        self._refused = False

    def inject(self) -> None:
        """Open sessions until one is refused."""
        access = self._scene.run.access
        user, password = access.credentials(Role.READ)
        while not self._refused and len(self._sessions) < MAX_CONNECTIONS:
            try:
                session = psycopg.connect(
                    host=access.host,
                    port=access.port,
                    user=user,
                    password=password,
                    dbname=access.database,
                )
            except psycopg.OperationalError:
                self._refused = True
            else:
                self._sessions.append(session)

    def happened(self) -> bool:
        """Return whether one was refused."""
        return self._refused

    def lift(self) -> None:
        """Close them."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()


class CrashedSession(Fault):
    """A session of the sink is killed: PostgreSQL ends all of them, and recovers from its log."""

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep where."""
        self._scene = scene
        self._pids: set[object] = set()

    def inject(self) -> None:
        """Kill one session."""
        self._pids = _sessions(self._scene)
        if not self._pids:
            raise StackError("The sink has no session now.")
        os.kill(int(str(min(self._pids, key=str))), signal.SIGKILL)

    def happened(self) -> bool:
        """Return whether every session that there was has ended."""
        return bool(self._pids) and not self._pids & _sessions(self._scene)


class EndedSessions(CrashedSession):
    """The sessions of the sink are ended by an administrator; the server goes on."""

    def inject(self) -> None:
        """End them."""
        self._pids = _sessions(self._scene)
        execute(self._scene, "end_sink_sessions")


def _sessions(scene: Scene) -> set[object]:
    """Return the sessions of the sink; none while the server recovers."""
    with contextlib.suppress(psycopg.OperationalError):
        return {pid for (pid,) in execute(scene, "sink_sessions")}
    return set()


KINDS = (
    FaultKind(
        "database-change",
        "Revokes the sink's right to write (role), or renames a column that it writes (column).",
        ChangedDatabase,
        targets=tuple(ChangedDatabase.STATEMENTS),
        hold_s=HOLD_S,
        response=(
            "The job fails with PostgreSQL's own sentence, and is restarted until the database is "
            "as before; sales wait in the topic."
        ),
        todo="Give the right back, or bring the column back.",
    ),
    FaultKind(
        "database-lock",
        "Locks sales_summary against everybody in another session.",
        LockedTable,
        targets=("sales_summary",),
        hold_s=HOLD_S,
        response="The job waits; it names the session, its statement, and how to end it.",
        todo="Let the session commit, or end it as the sentence says.",
    ),
    FaultKind(
        "database-connections",
        "Opens sessions until PostgreSQL refuses any more.",
        UsedConnections,
        targets=("postgres",),
        hold_s=HOLD_S,
        response="The job keeps the sessions that it has; page and status open none meanwhile.",
        todo="End the program that opens the sessions.",
    ),
    FaultKind(
        "database-crash",
        "Kills a session of the sink: PostgreSQL ends all sessions and is in recovery mode.",
        CrashedSession,
        targets=("postgres",),
        response=(
            "PostgreSQL recovers from its log; the job starts from its last checkpoint and writes "
            "its rows again."
        ),
    ),
    FaultKind(
        "database-sessions",
        "Ends all sessions of the sink, as an administrator does.",
        EndedSessions,
        targets=("postgres",),
        response="The sink opens new sessions, or the job starts from its last checkpoint.",
    ),
)
