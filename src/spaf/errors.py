"""Everything that can go wrong for a user, as one tree.

    SpafError                 exit code 1
    ├── SettingsError         exit code 2: a field, its value, what is allowed
    ├── SetupError            set-up is missing, incomplete, or could not finish
    ├── StackError            a service of ours
    │   ├── NotUpError        nothing runs in this run folder
    │   └── ServiceError      one service failed; carries the last lines of its log
    ├── TopicError            the Kafka topic: unreachable, missing, unreadable
    │   └── MissingError      Kafka answers, and has no such topic, partition, offset or group
    ├── JobError              the Flink job: refused, failed, not there
    ├── StoreError            PostgreSQL: unreachable, a changed migration
    ├── QuarantineError       a record cannot be repaired, or not be sent again
    ├── VerifyError           a verification could not be done; a difference is no error
    ├── LoadError             the load generator failed or fell short
    └── BrowserError          no browser for the page, or it failed

Each message says what happened, where, and what to do next. The command line prints the message
and nothing else; a traceback in front of a user is a defect.
"""

from __future__ import annotations


class SpafError(Exception):
    """A failure that a user can understand and act on."""

    exit_code = 1

    def __init__(self, what: str, *, todo: str = "") -> None:
        """Keep what happened and, apart from it, what the user may do next."""
        super().__init__(what)
        self.what = what
        self.todo = todo

    @property
    def line(self) -> str:
        """Both parts in one line."""
        return f"{self.what} {self.todo}".strip()

    def __str__(self) -> str:
        """Return both parts as the user reads them."""
        return f"{self.what}\n{self.todo}" if self.todo else self.what


class SettingsError(SpafError):
    """A setting has a value that is not allowed."""

    exit_code = 2


class SetupError(SpafError):
    """Set-up is missing, incomplete, or could not finish."""


class StackError(SpafError):
    """The services could not be started, watched or stopped."""


class NotUpError(StackError):
    """Nothing runs in this run folder."""


class ServiceError(StackError):
    """One service failed; the last lines of its log come with the message."""

    def __init__(self, name: str, what: str, *, log_tail: str = "", todo: str = "") -> None:
        """Keep the service's name and the end of its log beside the message."""
        text = f"{name}: {what}"
        super().__init__(f"{text}\n{log_tail}" if log_tail else text, todo=todo)
        self.name = name
        self.log_tail = log_tail


class TopicError(SpafError):
    """The Kafka topic could not be reached, created or read."""


class MissingError(TopicError):
    """Kafka answers, and has no such topic, partition, offset or group."""


class JobError(SpafError):
    """The Flink job was refused, failed, or is not there."""


class StoreError(SpafError):
    """PostgreSQL could not be reached, or its tables are not the ones expected."""


class QuarantineError(SpafError):
    """A record of the quarantine cannot be repaired, or must not be sent again."""


class VerifyError(SpafError):
    """A verification could not be done; that the tables are wrong is a verdict, not an error."""


class LoadError(SpafError):
    """The load generator failed or fell short of what was asked."""


class BrowserError(SpafError):
    """There is no browser to look at the page with, or it failed."""
