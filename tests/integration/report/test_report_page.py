"""The report in a real browser: it fits a telephone, and prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.measure.browser import Browser, Viewport
from spaf.report.document import write_report
from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.pdf import print_page
from spaf.stack.process import wait_until
from tests.support.report_records import every_record

TELEPHONE = Viewport(390, 800)
# More than the plots and tables of the report can need, and less than one would be.
PAGES = range(4, 16)
COMPLETE = "document.readyState == 'complete'"
WIDTH = "document.documentElement.scrollWidth"
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a report in Portuguese, which has the longer words."""
    file = tmp_path_factory.mktemp("report") / "report.html"
    write_report(Figures(every_record()), Language.pt, file)
    return file


def test_it_fits_a_telephone(chromium: Path, page: Path, tmp_path: Path) -> None:
    """Wide tables scroll by themselves; the page does not."""
    with Browser(chromium, tmp_path, tmp_path / "browser.log") as browser:
        tab = browser.open(page.as_uri(), TELEPHONE)
        assert wait_until(lambda: tab.value(COMPLETE) is True, PATIENCE_S)
        assert tab.value(WIDTH) <= TELEPHONE.width


def test_it_prints(chromium: Path, page: Path, tmp_path: Path) -> None:
    """On some pages of A4; no link to a file of this machine is in it, nor a date."""
    print_page(page, tmp_path / "report.pdf", chromium)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") in PAGES
    assert b"file:" not in content
    assert b"/CreationDate" not in content
