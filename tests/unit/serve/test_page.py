"""The files of the page: what the security policy demands, both languages, and the weight."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from pathlib import Path

import pytest

from spaf.generate.shop.assortment import CATEGORIES

STATIC = Path(str(files("spaf.serve").joinpath("static")))
PAGES = [STATIC / "index.html", STATIC / "login.html"]
OURS = [*STATIC.rglob("js/**/*.js"), *PAGES]
# What a browser is sent for the first view, compressed as the server does it, bytes.
HEAVIEST = 250_000


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_a_page_loads_nothing_from_elsewhere_and_has_no_inline_code(file: Path) -> None:
    """The policy would refuse it, and the page would stay empty."""
    page = file.read_text(encoding="utf-8")

    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page) == []
    assert all(
        link.startswith(("/static/", "#")) for link in re.findall(r'(?:src|href)="(.*?)"', page)
    )


@pytest.mark.parametrize("file", PAGES, ids=lambda file: file.stem)
def test_what_a_page_names_is_there(file: Path) -> None:
    """A file that is not in the folder would be a 404 in the middle of a presentation."""
    page = file.read_text(encoding="utf-8")
    named = {
        STATIC / link.removeprefix("/static/") for link in re.findall(r'"(/static/.*?)"', page)
    }
    for script in STATIC.rglob("js/**/*.js"):
        text = script.read_text(encoding="utf-8")
        named |= {
            script.parent / name
            for name in re.findall(r'(?:from|import|import\() ?"(\..*?)"', text)
        }
        named |= {STATIC / name for name in re.findall(r'"/static/(.*?)"', text)}

    assert {path for path in named if not path.is_file()} == set()


def test_text_never_becomes_markup() -> None:
    """Hostile names are a part of the data: no code path may read them as HTML or as code."""
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|srcdoc"
    directives = r"unsafe(?:HTML|SVG|Static)"
    forbidden = rf"{sinks}|{directives}|\beval\(|new Function"
    found = {path.name: re.findall(forbidden, path.read_text(encoding="utf-8")) for path in OURS}

    assert {name: hits for name, hits in found.items() if hits} == {}


def test_the_shop_has_the_categories_that_the_page_offers() -> None:
    """An anomaly can be injected into these; Locust refuses any other."""
    script = (STATIC / "js/core/palette.js").read_text(encoding="utf-8")
    listed = re.search(r"const CATEGORIES = \[(.*?)\]", script, re.DOTALL)
    assert listed
    assert tuple(re.findall(r'"([^"]+)"', listed[1])) == CATEGORIES


def test_the_first_view_is_light() -> None:
    """The weight is what goes over the wire for everything that the first view may load."""
    sent = [
        path
        for path in STATIC.rglob("*")
        if path.suffix in {".html", ".css", ".js", ".json", ".svg"}
    ]

    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in sent) <= HEAVIEST
