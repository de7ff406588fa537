"""Errors: the two parts of a message, the tree, the exit codes."""

from __future__ import annotations

import inspect

from spaf import errors
from spaf.errors import NotUpError, ServiceError, SettingsError, SpafError, StackError

ALL = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, SpafError) and kind is not ServiceError
]


def test_message_and_advice_are_read_as_two_lines() -> None:
    """What happened comes first, what to do next below it."""
    error = SpafError("It broke.", todo="Mend it.")
    assert str(error) == "It broke.\nMend it."
    assert (error.what, error.todo) == ("It broke.", "Mend it.")
    assert error.line == "It broke. Mend it."


def test_message_without_advice_is_one_line() -> None:
    """No empty line stands for advice that there is not."""
    assert str(SpafError("It broke.")) == "It broke."


def test_settings_alone_have_exit_code_2() -> None:
    """The exit code tells a wrong setting from a failure."""
    codes = {kind.__name__: kind("x").exit_code for kind in ALL}
    assert codes == {**dict.fromkeys(codes, 1), SettingsError.__name__: 2}


def test_docstring_draws_every_error() -> None:
    """The tree in the docstring of the module holds every class."""
    drawn = (errors.__doc__ or "").split()
    assert [kind.__name__ for kind in [*ALL, ServiceError] if kind.__name__ not in drawn] == []


def test_stack_errors_are_caught_together() -> None:
    """Who handles a broken stack handles these two with it."""
    assert issubclass(NotUpError, StackError)
    assert issubclass(ServiceError, StackError)


def test_service_error_brings_name_log_and_advice() -> None:
    """The last lines of the log stand between what happened and what to do."""
    error = ServiceError("kafka", "did not start", log_tail="    no space", todo="Free some.")
    assert str(error) == "kafka: did not start\n    no space\nFree some."
    assert (error.name, error.log_tail) == ("kafka", "    no space")


def test_service_error_without_log_is_one_line() -> None:
    """An empty log leaves no empty line."""
    assert str(ServiceError("kafka", "did not start")) == "kafka: did not start"
