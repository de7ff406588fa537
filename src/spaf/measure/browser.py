"""Headless Chromium as a process of ours: found, started, asked, ended, nothing left behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, NamedTuple, Self

from spaf.errors import BrowserError
from spaf.measure.devtools import DevTools
from spaf.stack import process
from spaf.stack.process import ProcessIdentity

# The names under which systems install it, the free one first.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Time that Chromium is given to end by itself, seconds.
END_S = 10.0
# Where programs keep what is theirs: all of it in the profile, which is deleted.
FOLDERS = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


class Viewport(NamedTuple):
    """What of a page is seen, CSS pixels."""

    width: int
    height: int


# A large desktop screen, on which the whole first part of the page is seen.
LARGE = Viewport(1920, 1400)

# A plain browser for one page of this machine: it speaks to nobody else and draws at full rate,
# seen or not.
OPTIONS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-service-autorun",
    "--no-pings",
    "--no-proxy-server",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-features=AutofillServerCommunication,MediaRouter,OptimizationHints,Translate",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    # No graphics card is asked for: what is drawn is drawn by the processor, on every machine.
    "--disable-gpu",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Else the memory that the page reports is rounded to steps of some MiB.
    "--enable-precise-memory-info",
)
NO_SANDBOX = "Chromium runs without its sandbox, because SPAF runs as root; it opens only our page."


def find(wanted: str | None) -> Path:
    """Return the browser to use.

    Args:
        wanted: its name or path; None takes the first that is installed.

    Raises:
        BrowserError: there is none.

    """
    for name in PROGRAMS if wanted is None else (wanted,):
        found = shutil.which(name)
        if found is not None:
            return Path(found)
    missing = "Chromium is not installed" if wanted is None else f"There is no browser {wanted!r}"
    raise BrowserError(
        f"{missing}; the page can be measured in a real browser only.",
        todo="On Debian and Ubuntu: `sudo apt-get install chromium fonts-dejavu-core`;"
        " elsewhere name it by SPAF_SERVE__BROWSER=/path/to/chromium.",
    )


class Browser:
    """A headless Chromium with a profile of its own."""

    def __init__(self, program: Path, folder: Path, log: Path) -> None:
        """Start it; the profile is made in the folder.

        Raises:
            BrowserError: it does not start.

        """
        self._profile = folder / f"browser-{os.getpid()}-{id(self):x}"
        self._closed = False
        self._child, self.devtools = _start(program, self._profile, log)
        try:
            self.version: str = self.devtools.call("Browser.getVersion")["product"]
        except BrowserError:
            self.close()
            raise BrowserError(
                f"{program} does not start.\n{process.log_tail(log)}",
                todo=f"Try it yourself: {program} --headless --dump-dom about:blank",
            ) from None

    def __enter__(self) -> Self:
        """Return the browser."""
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    @property
    def pid(self) -> int:
        """Return the process of the browser; its tabs are children of it."""
        return self._child.pid

    def open(self, address: str, size: Viewport = LARGE) -> Tab:
        """Open an address in a new tab.

        Raises:
            BrowserError: nothing answers there.

        """
        tab = self.tab(size)
        tab.go(address)
        return tab

    def tab(self, size: Viewport = LARGE) -> Tab:
        """Return a new empty tab that shares nothing with the others, not even what is cached."""
        call = self.devtools.call
        context = call("Target.createBrowserContext")["browserContextId"]
        made = call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = call("Target.attachToTarget", targetId=made["targetId"], flatten=True)
        tab = Tab(self.devtools, attached["sessionId"], context)
        tab.resize(size)
        return tab

    def close(self) -> None:
        """End the browser by its pid, and delete its profile; a second time does nothing."""
        if self._closed:
            return
        self._closed = True
        identity = ProcessIdentity.of(self._child.pid)
        if identity is not None:
            process.stop(identity, signal.SIGTERM, END_S)
        self._child.wait()
        self.devtools.close()
        shutil.rmtree(self._profile, ignore_errors=True)


class Tab:
    """One page in a browser."""

    def __init__(self, devtools: DevTools, session: str, context: str) -> None:
        """Keep how to reach it."""
        self._devtools = devtools
        self._session = session
        self._context = context

    def resize(self, size: Viewport) -> None:
        """Set what of a page is seen."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size.width,
            height=size.height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run_first(self, script: str) -> None:
        """Have a script run in every page from now on before any of its own."""
        self.call("Page.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def call(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """Give this tab a command of the DevTools protocol and return its answer."""
        return self._devtools.call(method, self._session, **parameters)

    def events(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return what the tab has told since the last call, waiting so long for more."""
        return self._devtools.events(self._session, seconds)

    def go(self, address: str) -> None:
        """Go to an address.

        Raises:
            BrowserError: nothing answers there.

        """
        found = self.call("Page.navigate", url=address)
        if "errorText" in found:
            raise BrowserError(
                f"Chromium cannot open {address}: {found['errorText']}",
                todo="`spaf status` says where the page is.",
            )

    def value(self, script: str) -> Any:
        """Return what an expression of JavaScript is in the page; a promise is waited for.

        Raises:
            BrowserError: the expression threw.

        """
        found = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in found:
            thrown = found["exceptionDetails"].get("exception", {})
            raise BrowserError(f"In the page: {thrown.get('description', found['result'])}")
        return found["result"].get("value")

    def heap_mib(self) -> float:
        """Return the memory of the page's scripts after a thorough clean-up, MiB."""
        self.call("HeapProfiler.collectGarbage")
        used: int = self.call("Runtime.getHeapUsage")["usedSize"]
        return used / 2**20

    def close(self) -> None:
        """Close the tab and all that it had stored."""
        self._devtools.call("Target.disposeBrowserContext", browserContextId=self._context)


def _start(program: Path, profile: Path, log: Path) -> tuple[subprocess.Popen[bytes], DevTools]:
    profile.mkdir(parents=True, mode=0o700)
    its_commands, commands = os.pipe()
    answers, its_answers = os.pipe()
    child = process.spawn(
        "browser",
        [
            *process.module_command("spaf.measure.pipe", str(its_commands), str(its_answers)),
            *(str(program), *OPTIONS),
            f"--user-data-dir={profile}",
            f"--window-size={LARGE.width},{LARGE.height}",
            *(["--no-sandbox"] if runs_as_root() else []),
            "about:blank",
        ],
        log=log,
        env={name: str(profile) for name in FOLDERS},
        pass_fds=(its_commands, its_answers),
    )
    os.close(its_commands)
    os.close(its_answers)
    return child, DevTools(commands, answers)


def runs_as_root() -> bool:
    """Say whether Chromium's sandbox must be left out: it refuses to work for root."""
    return os.geteuid() == 0
