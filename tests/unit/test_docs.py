"""The documentation says what the code says: a page that has fallen behind fails here."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import write_reference

ROOT = Path(__file__).parents[2]
READMES = ("README.md", "README.pt-BR.md")
# What the tool would write.
PAGES = {str(path.relative_to(ROOT)): text for path, text in write_reference.pages().items()}
MARKDOWN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)[^)]*\)|<img[^>]* src=\"(?!https?:)([^\"]+)\"")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_a_reference_page_is_what_the_tool_would_write(name: str) -> None:
    """A changed command or setting needs `tools/write_reference.py` to be run again."""
    assert (ROOT / name).read_text(encoding="utf-8") == PAGES[name]


def test_the_reference_knows_every_setting() -> None:
    """No section is lost on the way through the schema."""
    page = PAGES["docs/reference/settings.md"]
    for variable in ("SPAF_HOME", "SPAF_KAFKA__BOOTSTRAP_SERVERS", "SPAF_JOB__SURGE_SCORE"):
        assert f"`{variable}`" in page


@pytest.mark.parametrize("readme", READMES)
def test_a_readme_names_every_verb(readme: str) -> None:
    """Who reads only the first page still learns what there is, in either language."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    missing = [verb for verb in write_reference.verbs() if f"spaf {verb}" not in text]
    assert missing == []


@pytest.mark.parametrize("readme", READMES)
def test_both_readmes_hold_the_figures(readme: str) -> None:
    """The block that measured results are written into is there once."""
    text = (ROOT / readme).read_text(encoding="utf-8")
    assert text.count("<!-- figures:begin -->") == text.count("<!-- figures:end -->") == 1


def test_links_lead_somewhere() -> None:
    """A link inside the repository names a file that exists, in every document."""
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in MARKDOWN
        for target in targets(page)
        if not (page.parent / target).exists()
    ]
    assert broken == []


def targets(page: Path) -> list[str]:
    """Return the files of the repository to which a document links."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [first or second for first, second in LINK.findall(text)]
