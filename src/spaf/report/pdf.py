"""A page as PDF, printed by headless Chromium."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from spaf.errors import BrowserError, SettingsError
from spaf.files import write_atomically
from spaf.measure.browser import Browser, Viewport
from spaf.stack.process import wait_until

# Size of a slide; the style sheet of reveal.js makes each a page of this size.
SLIDE = Viewport(1280, 720)
# The script that is true when each slide has a page of its own.
LAID_OUT = "document.querySelectorAll('.pdf-page').length > 0"
COMPLETE = "document.readyState == 'complete'"
# The time of printing, which would make another file of the same page.
DATES = re.compile(rb"/(?:CreationDate|ModDate) \([^)]*\)")
# Links to other files lead from where the page is, and a PDF would hold that as the path of one
# machine; those within the page stay.
CUT_LINKS = """
for (const link of document.querySelectorAll('a[href]:not([href^="#"])'))
  link.removeAttribute("href");
"""
# Far above what the layout of all slides needs, seconds.
READY_TIMEOUT_S = 20.0


def print_slides(page: Path, target: Path, program: Path) -> None:
    """Print the slides of a page, each on a page of its own.

    Args:
        page: the page of the talk.
        target: the PDF; an existing file is replaced.
        program: the browser.

    Raises:
        BrowserError: the browser does not start, or does not show the slides.
        SettingsError: the file cannot be written.

    """
    _print(f"{page.absolute().as_uri()}?view=print", LAID_OUT, target, program)


def print_page(page: Path, target: Path, program: Path) -> None:
    """Print a page on paper of the size that its style sheet states.

    Raises:
        BrowserError: the browser does not start, or does not show the page.
        SettingsError: the file cannot be written.

    """
    _print(page.absolute().as_uri(), COMPLETE, target, program)


def _print(address: str, ready: str, target: Path, program: Path) -> None:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        with Browser(program, folder, folder / "browser.log") as browser:
            tab = browser.open(address, SLIDE)
            if not wait_until(lambda: tab.value(ready) is True, READY_TIMEOUT_S):
                raise BrowserError(f"Chromium does not show {address}.")
            tab.value(CUT_LINKS)
            printed = tab.call("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
    try:
        content = DATES.sub(_blanks, base64.b64decode(printed["data"]))
        write_atomically(target, content)
    except OSError as error:
        raise SettingsError(f"{target} cannot be written ({error.strerror}).") from error


def _blanks(date: re.Match[bytes]) -> bytes:
    """Return as many blanks: the table of offsets in the file stays right."""
    return b" " * len(date[0])
