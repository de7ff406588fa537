"""The errors of SPAF that a user can act on, as one tree.

    SpafError                 exit code 1
    ├── SettingsError         exit code 2: a setting, its value, the allowed values
    ├── SetupError            set-up is missing, incomplete, or could not finish
    ├── StackError            the services that SPAF starts
    │   ├── NotUpError        nothing runs in the run folder
    │   └── ServiceError      one service failed; has the last lines of its log
    ├── TopicError            the Kafka topic: unreachable, missing, unreadable
    │   ├── UnreachableError  no broker answers
    │   └── MissingError      Kafka answers, but has no such topic, partition, offset or group
    ├── JobError              the Flink job: refused, failed, missing
    ├── StoreError            PostgreSQL: unreachable, unexpected tables
    ├── QuarantineError       a record cannot be repaired, or must not be sent again
    ├── VerifyError           a verification could not be done; a difference is no error
    ├── LoadError             the load generator failed or reached less than was asked
    ├── BrowserError          no browser for the page, or it failed
    ├── ResultsError          the record of a measurement: missing, damaged, taken, too new
    └── FigureError           no record has a figure, or the record is not valid

Each message says what happened, where, and what to do next. The command line prints the message
only; a traceback in front of a user is a defect.
"""

from __future__ import annotations


class SpafError(Exception):
    """A failure that a user can understand and act on.

    Attributes:
        what: happened, in English.
        todo: what the user may do next.
        code: names the failure for the page, which translates it; a stable identifier.
        parameters: values in the message.

    """

    exit_code = 1
    code = "spaf"

    def __init__(
        self, what: str, *, todo: str = "", code: str = "", **parameters: str | float
    ) -> None:
        """Keep what happened and, separately, what the user may do next."""
        super().__init__(what)
        self.what = what
        self.todo = todo
        self.code = code or type(self).code
        self.parameters = parameters

    @property
    def line(self) -> str:
        """Both parts on one line."""
        return f"{self.what} {self.todo}".strip()

    def __str__(self) -> str:
        """Return both parts, each on a line of its own."""
        return f"{self.what}\n{self.todo}" if self.todo else self.what


class SettingsError(SpafError):
    """A setting has a value that is not allowed."""

    exit_code = 2


class SetupError(SpafError):
    """Set-up is missing, incomplete, or could not finish."""


class StackError(SpafError):
    """The services could not be started, polled or stopped."""


class NotUpError(StackError):
    """Nothing runs in the run folder."""


class ServiceError(StackError):
    """One service failed; the message ends with the last lines of its log."""

    def __init__(self, name: str, what: str, *, log_tail: str = "", todo: str = "") -> None:
        """Keep the name of the service and the end of its log."""
        text = f"{name}: {what}"
        super().__init__(f"{text}\n{log_tail}" if log_tail else text, todo=todo)
        self.name = name
        self.log_tail = log_tail


class TopicError(SpafError):
    """The Kafka topic could not be reached, created or read."""

    code = "kafka"


class UnreachableError(TopicError):
    """No broker answers at the address."""


class MissingError(TopicError):
    """Kafka answers, but has no such topic, partition, offset or group."""

    code = "missing"


class JobError(SpafError):
    """The Flink job was refused, failed, or is missing."""

    code = "flink"


class StoreError(SpafError):
    """PostgreSQL could not be reached, or its tables are not the ones expected."""

    code = "postgresql"


class QuarantineError(SpafError):
    """A record of the quarantine cannot be repaired, or must not be sent again."""


class VerifyError(SpafError):
    """A verification could not be done; wrong tables are a verdict, not an error."""


class LoadError(SpafError):
    """The load generator failed or reached less than was asked."""

    code = "locust"


class BrowserError(SpafError):
    """There is no browser for the page, or it failed."""


class ResultsError(SpafError):
    """The record of a measurement is missing, damaged or too new, or its name is taken."""


class FigureError(SpafError):
    """No record has a figure, or the record that has it is not valid."""
