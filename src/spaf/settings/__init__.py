"""The settings: defaults < `spaf.toml` < `SPAF_*` variables < command-line flags.

`SPAF_KAFKA__PORT=9093` and

    [kafka]
    port = 9093

in `spaf.toml` mean the same. A variable with the value `null` unsets the value of the file. Secrets
are masked in every output.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path
from typing import Any

from pydantic import SecretStr, ValidationError
from pydantic_settings import SettingsError as UnreadableVariable

from spaf.errors import SettingsError
from spaf.settings.contradictions import contradictions, retention_reserve_s
from spaf.settings.sections import (
    MAX_PARTITIONS,
    NONE,
    PREFIX,
    SETTINGS_FILE,
    FlinkSettings,
    GenerateSettings,
    JobSettings,
    KafkaSettings,
    LocustSettings,
    PostgresSettings,
    ProxySettings,
    QuarantineSettings,
    SaleSettings,
    Section,
    ServeSettings,
    ServiceSettings,
    Settings,
    section_name,
)
from spaf.settings.values import duration_s

__all__ = [
    "MAX_PARTITIONS",
    "PREFIX",
    "SETTINGS_FILE",
    "FlinkSettings",
    "GenerateSettings",
    "JobSettings",
    "KafkaSettings",
    "LocustSettings",
    "PostgresSettings",
    "ProxySettings",
    "QuarantineSettings",
    "SaleSettings",
    "Section",
    "ServeSettings",
    "ServiceSettings",
    "Settings",
    "duration_s",
    "environment",
    "load",
    "retention_reserve_s",
    "secret",
]

# A value that matches may contain a password, whatever the name of the setting.
_SECRET = re.compile(r"://.*@|passw", re.DOTALL | re.IGNORECASE)
_SECRET_NAME = re.compile(r"pass|pw|secret|key|token|cred|jaas", re.IGNORECASE)


def load(**flags: Any) -> Settings:
    """Return the settings, flags on top.

    Raises:
        SettingsError: a value is not allowed, or a name is unknown.

    """
    _refuse_unknown_variables()
    try:
        Path.cwd()
        settings = Settings(**flags)
    except FileNotFoundError:
        raise SettingsError(
            "The current folder does not exist any more.", todo="Change to another one."
        ) from None
    except ValidationError as error:
        raise SettingsError(
            "\n".join(map(_problem_line, error.errors(include_url=False))),
            todo=f"Correct it in {SETTINGS_FILE}, in the SPAF_* variables or in the flags.",
        ) from None
    except UnreadableVariable as error:
        raise _unreadable(error) from None
    except ValueError as error:
        raise SettingsError(f"{SETTINGS_FILE}: {error}", todo="Correct the file.") from None
    problems = list(contradictions(settings))
    if problems:
        raise SettingsError(
            "\n".join(problems),
            todo=f"Correct it in {SETTINGS_FILE}, in the SPAF_* variables or in the flags.",
        )
    return settings


def secret(section: Section, name: str) -> str:
    """Return a secret of a section, from its setting or from its file; empty without one.

    Raises:
        SettingsError: the file cannot be read.

    """
    value, file = getattr(section, name), getattr(section, f"{name}_file")
    if value is not None:
        text: str = value.get_secret_value()
        return text
    if file is None:
        return ""
    try:
        return str(file.read_text(encoding="utf-8").strip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        where = f"{section_name(section)}.{name}_file"
        raise SettingsError(f"{where} = {file}: {reason}.", todo="Correct the setting.") from None


def environment(settings: Settings) -> dict[str, str]:
    """Return the `SPAF_*` variables with which another process has exactly these settings."""
    plain: dict[str, str] = {}
    for name, value in settings:
        if isinstance(value, Section):
            for key, inner in value:
                plain[_variable(name, key)] = _variable_value(inner)
        else:
            plain[_variable(name)] = _variable_value(value)
    return plain


def _variable(*path: str) -> str:
    return f"{PREFIX}{'__'.join(path)}".upper()


def _variable_value(value: Any) -> str:
    """Return a value in the syntax of a variable.

    None has to be written too: a process inherits the variables of its parent, and reads
    `spaf.toml`.
    """
    if value is None:
        return NONE
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(plain) if isinstance(plain, tuple) else str(plain)


def _refuse_unknown_variables() -> None:
    """Refuse variables without a setting; within a section pydantic refuses them."""
    for name in filter(lambda name: name.upper().startswith(PREFIX), os.environ):
        top = name[len(PREFIX) :].partition("__")[0].lower()
        if top not in Settings.model_fields:
            known = environment(Settings.model_construct())
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)[0]
            raise SettingsError(
                f"{name}: there is no such setting.",
                todo=f"Did you mean {nearest}? Otherwise unset the variable.",
            )


def _unreadable(error: UnreadableVariable) -> SettingsError:
    """Return the error for a variable of a whole section; pydantic names only the section."""
    section = re.findall(r'field "(\w+)"', str(error))[0]
    first = next(iter(type(Settings.model_fields[section].default).__annotations__))
    return SettingsError(
        f"{_variable(section)}: {section} is a section, not a value.",
        todo=f"Name one of its settings, such as {_variable(section, first)}.",
    )


def _problem_line(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    return f"{name} = {_shown(problem)}: {problem['msg'].removeprefix('Value error, ')}"


def _shown(problem: Any) -> str:
    """Return the refused value, masked if it may contain a password.

    The misspelt name of a secret is unknown: in the section of the database every unknown name is
    masked, elsewhere one that sounds like a secret.
    """
    section, *names = problem["loc"]
    default = getattr(Settings.model_fields.get(section), "default", None)
    fields = getattr(type(default), "model_fields", {})
    known = [fields[name] for name in names if name in fields]
    unknown = [str(name) for name in names if name not in fields]
    hidden = any("SecretStr" in str(field.annotation) for field in known) or any(
        section == "postgres" or _SECRET_NAME.search(name) for name in unknown
    )
    text = repr(problem["input"])
    return "**********" if hidden or _SECRET.search(text) else text
