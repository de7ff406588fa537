"""The environment of every process of SPAF: built here, not inherited.

Variables of a shell reach the libraries and programs below: proxies, options of every JVM, defaults
of libpq and Locust, modules of Python, time zone, encoding. None of them is a setting of SPAF, so
none of them may change what SPAF does. A child gets `child_environment()` and what its caller
adds; the command itself takes the same values in `enter()`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

# Options of every Python that SPAF starts: no PYTHON* variables, no modules of the current folder
# or of the user's home, UTF-8 for files and names whatever the locale is.
PYTHON_OPTIONS = ("-I", "-X", "utf8")
FIXED = {
    # Programs are started by their path; only shells, as that of initdb, search for tools.
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    # There is no file below it: no .pgpass, .pg_service.conf, .postgresql/, .locust.conf.
    "HOME": os.devnull,
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    # glibc keeps up to eight pools of memory for each core, one for each group of threads, and
    # gives back little of them. The programs here allocate mostly by themselves.
    "MALLOC_ARENA_MAX": "2",
}
# What a command keeps: where it finds the browser and puts temporary files, and how it prints.
KEPT = frozenset(
    {"PATH", "TMPDIR", "TERM", "COLORTERM", "COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR"}
)
SETTINGS_PREFIX = "SPAF_"
# Variables of the dynamic loader act before Python runs.
LOADER_PREFIX = "LD_"
LIBRARY_PATH = "LD_LIBRARY_PATH"
# How a user or a company leads pip and other downloaders to the registries; only an installation
# on demand gets them.
REGISTRY_VARIABLES = frozenset(
    {
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HOME"),
        *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX"),
        *("PIP_TRUSTED_HOST", "PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT"),
        *("PIP_RETRIES", "PIP_CACHE_DIR", "PIP_CONFIG_FILE"),
    }
)
# Carries the names of the ignored variables into the process that replaces this one.
_HANDOVER = "_SPAF_IGNORED"

_ignored: list[str] = []
_registry: dict[str, str] = {}


def child_environment() -> dict[str, str]:
    """Return the variables of a child, without those that its caller adds."""
    return {**FIXED, **_library_path()}


def command_environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the variables of a command: those of a child, settings, and `KEPT`."""
    kept = {
        name: value
        for name, value in inherited.items()
        if name in KEPT or name.upper().startswith(SETTINGS_PREFIX)
    }
    return {**child_environment(), **kept}


def enter() -> None:
    """Give this process, a command, its environment; nothing else may be imported before.

    A Python that was started with other options, with variables of the loader, or without one of
    its standard streams, is replaced. What the shell does with signals is undone: who ignores
    SIGCHLD never learns how a child has ended.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    own = command_environment(os.environ)
    handed_over = os.environ.pop(_HANDOVER, "")
    changed = sorted(name for name, value in os.environ.items() if own.get(name) != value)
    _ignored[:] = handed_over.split(",") if handed_over else changed
    loader = {k: v for k, v in os.environ.items() if k.startswith(LOADER_PREFIX)}
    _registry.update(_of_registry(os.environ))
    closed = None in (sys.stdin, sys.stdout, sys.stderr)
    if closed or not sys.flags.isolated or loader != _library_path():
        _open_streams()
        argv = [sys.executable, *PYTHON_OPTIONS, "-m", "spaf", *sys.argv[1:]]
        handed_on = {**_registry, **own, _HANDOVER: ",".join(_ignored)}
        os.execve(sys.executable, argv, handed_on)  # noqa: S606 - without a shell
    os.environ.clear()
    os.environ.update(own)
    time.tzset()


def _open_streams() -> None:
    """Open each standard stream that is closed: the next file would take its place."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003 - positional


def ignored_variables() -> list[str]:
    """Return the names of the variables that `enter()` has removed from this process."""
    return list(_ignored)


def registry_environment() -> dict[str, str]:
    """Return the variables of a child that downloads packages."""
    return {**child_environment(), **_of_registry(os.environ), **_registry}


def _of_registry(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: v for name, v in variables.items() if name.upper() in REGISTRY_VARIABLES}


def _library_path() -> dict[str, str]:
    """Return the folder of Python's own library, if only LD_LIBRARY_PATH names it.

    A Python of a module system may be built so; without this folder it does not start.
    """
    folders = [folder for folder in os.environ.get(LIBRARY_PATH, "").split(":") if folder]
    if not folders:
        return {}
    for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
        library = Path(line.partition("/")[2])
        if library.name.startswith("libpython") and f"/{library.parent}" in folders:
            return {LIBRARY_PATH: f"/{library.parent}"}
    return {}
