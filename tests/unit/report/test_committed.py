"""The committed report and talk: made from the committed records, small, in both languages."""

from __future__ import annotations

import pytest

from spaf.report.figures import Figures
from spaf.report.records import RESULTS, committed_records
from spaf.report.renderer import SHOWN_DIGEST

FOLDER = RESULTS.parent / "docs" / "report"
FILES = [
    f"{name}-{language}.{kind}"
    for name in ("report", "talk/slides")
    for language in ("en", "pt")
    for kind in ("html", "pdf")
]


@pytest.fixture(scope="module")
def digest() -> str:
    """Return the sum of the committed records, as a document carries it."""
    return Figures(committed_records()).digest()[:SHOWN_DIGEST]


@pytest.mark.parametrize("name", FILES)
def test_it_was_made_from_the_committed_records(name: str, digest: str) -> None:
    """`make report` renews what fails here. The title of a PDF may be UTF-16 in hexadecimal."""
    content = (FOLDER / name).read_bytes()
    in_hexadecimal = digest.encode("utf-16-be").hex().upper().encode()
    assert digest.encode() in content or in_hexadecimal in content, "run `make report`"
