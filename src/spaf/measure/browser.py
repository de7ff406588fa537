"""Headless Chromium as a child process: search, start, tabs, end, deletion of its profile."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from spaf.errors import BrowserError
from spaf.measure.devtools import DevTools
from spaf.stack import process
from spaf.stack.process import ProcessIdentity

# Names under which systems install it, the free one first.
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Time for Chromium to end after SIGTERM.
END_TIMEOUT_S = 10.0
# Variables of the folders of a user: all point to the profile, which is deleted.
FOLDER_VARIABLES = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")


class Viewport(NamedTuple):
    """Size of the visible part of a page, CSS pixels."""

    width: int
    height: int


# A large desktop screen, which shows the whole upper part of the page.
LARGE = Viewport(1920, 1400)

# Features that contact other hosts. The last two draw pages for the list below the address bar,
# which takes 0.6 s of processor time a window.
WITHOUT_FEATURES = (
    "--disable-features=AutofillServerCommunication,MediaRouter,OptimizationHints,Translate,"
    "WebUIOmniboxAimPopup,WebUIOmniboxPopup"
)
# A browser without extras for one page of this machine: no connections to other hosts, and the full
# frame rate although no window is visible.
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
    WITHOUT_FEATURES,
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    # Software rendering on every machine, with a graphics card or without.
    "--disable-gpu",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # Without it the page reports its memory in steps of some MiB.
    "--enable-precise-memory-info",
)
NO_SANDBOX = "Chromium runs without its sandbox, because SPAF runs as root; it opens only our page."


def find(wanted: str | None) -> Path:
    """Return the path of the browser to use.

    Args:
        wanted: its name or path; None selects the first one that is installed.

    Raises:
        BrowserError: there is none.

    """
    for name in PROGRAMS if wanted is None else (wanted,):
        path = shutil.which(name)
        if path is not None:
            return Path(path)
    missing = "Chromium is not installed" if wanted is None else f"There is no browser {wanted!r}"
    raise BrowserError(
        f"{missing}; the page can be measured in a real browser only.",
        todo="On Debian and Ubuntu: `sudo apt-get install chromium fonts-dejavu-core`;"
        " elsewhere name it by SPAF_SERVE__BROWSER=/path/to/chromium.",
    )


class Browser(AbstractContextManager["Browser"]):
    """A headless Chromium with its own profile."""

    def __init__(self, program: Path, folder: Path, log: Path) -> None:
        """Start it; its profile is created in the folder.

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

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.close()

    @property
    def pid(self) -> int:
        """Return the process id of the browser; the processes of its tabs are its children."""
        return self._child.pid

    def open(self, address: str, size: Viewport = LARGE) -> Tab:
        """Open an address in a new tab.

        Raises:
            BrowserError: the address does not answer.

        """
        tab = self.tab(size)
        tab.go(address)
        return tab

    def tab(self, size: Viewport = LARGE) -> Tab:
        """Return a new empty tab that shares nothing with the others, not even the cache."""
        call = self.devtools.call
        context = call("Target.createBrowserContext")["browserContextId"]
        target = call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
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
            process.stop(identity, signal.SIGTERM, END_TIMEOUT_S)
        self._child.wait()
        self.devtools.close()
        shutil.rmtree(self._profile, ignore_errors=True)


class Tab:
    """One page in a browser."""

    def __init__(self, devtools: DevTools, session: str, context: str) -> None:
        """Keep the session of the tab and its browser context."""
        self._devtools = devtools
        self._session = session
        self._context = context

    def resize(self, size: Viewport) -> None:
        """Set the size of the visible part of the page."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=size.width,
            height=size.height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def run_first(self, script: str) -> None:
        """Run a script in every page from now on, before the scripts of the page."""
        self.call("Page.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=script)

    def call(self, method: str, /, **parameters: Any) -> dict[str, Any]:
        """Send a command of the DevTools protocol to this tab and return its result."""
        return self._devtools.call(method, self._session, **parameters)

    def events(self, seconds: float = 0.0) -> list[dict[str, Any]]:
        """Return the events of the tab since the last call, after waiting for more of them."""
        return self._devtools.events(self._session, seconds)

    def go(self, address: str) -> None:
        """Navigate to an address.

        Raises:
            BrowserError: the address does not answer.

        """
        navigation = self.call("Page.navigate", url=address)
        if "errorText" in navigation:
            raise BrowserError(
                f"Chromium cannot open {address}: {navigation['errorText']}",
                todo="`spaf status` shows the address of the page.",
            )

    def value(self, script: str) -> Any:
        """Return the value of a JavaScript expression in the page; a promise is awaited.

        Raises:
            BrowserError: the expression threw.

        """
        evaluation = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in evaluation:
            thrown = evaluation["exceptionDetails"].get("exception", {})
            raise BrowserError(f"In the page: {thrown.get('description', evaluation['result'])}")
        return evaluation["result"].get("value")

    def heap_mib(self) -> float:
        """Return the memory of the page's scripts after a garbage collection, MiB."""
        self.call("HeapProfiler.collectGarbage")
        used: int = self.call("Runtime.getHeapUsage")["usedSize"]
        return used / 2**20

    def close(self) -> None:
        """Close the tab and delete its stored data."""
        self._devtools.call("Target.disposeBrowserContext", browserContextId=self._context)


def _start(program: Path, profile: Path, log: Path) -> tuple[subprocess.Popen[bytes], DevTools]:
    profile.mkdir(parents=True, mode=0o700)
    child_commands, commands = os.pipe()
    answers, child_answers = os.pipe()
    child = process.spawn(
        "browser",
        [
            *process.module_command("spaf.measure.pipe", str(child_commands), str(child_answers)),
            *(str(program), *OPTIONS),
            f"--user-data-dir={profile}",
            f"--window-size={LARGE.width},{LARGE.height}",
            *(["--no-sandbox"] if runs_as_root() else []),
            "about:blank",
        ],
        log=log,
        env={name: str(profile) for name in FOLDER_VARIABLES},
        pass_fds=(child_commands, child_answers),
    )
    os.close(child_commands)
    os.close(child_answers)
    return child, DevTools(commands, answers)


def runs_as_root() -> bool:
    """Return whether Chromium must run without its sandbox, which refuses to work for root."""
    return os.geteuid() == 0
