"""The files of the page: what the security policy demands, both languages, and the weight."""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from pathlib import Path

STATIC = Path(str(files("spaf.serve").joinpath("static")))
OURS = [*STATIC.rglob("js/**/*.js"), STATIC / "index.html"]
# What a browser is sent for the first view, compressed as the server does it, bytes.
HEAVIEST = 250_000
# An entry of the words of the frame: "key": "text".
ENTRY = re.compile(r'"([a-z][a-z0-9._]*)": "((?:[^"\\]|\\.)*)"')
USED = re.compile(r'\bt\("([a-z][a-z0-9._]*)"|"data-t": "([a-z][a-z0-9._]*)"')


def page_words() -> dict[str, dict[str, str]]:
    """Return the words of the frame in both languages."""
    text = (STATIC / "js/core/page_words.js").read_text(encoding="utf-8")
    english, portuguese = text.split("  pt: {")
    return {"en": dict(ENTRY.findall(english)), "pt": dict(ENTRY.findall(portuguese))}


def test_the_page_loads_nothing_from_elsewhere_and_has_no_inline_code() -> None:
    """The policy would refuse it, and the page would stay empty."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")

    assert re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)", page) == []
    assert all(
        link.startswith(("/static/", "#")) for link in re.findall(r'(?:src|href)="(.*?)"', page)
    )


def test_what_the_page_names_is_there() -> None:
    """A file that is not in the folder would be a 404 in the middle of a presentation."""
    page = (STATIC / "index.html").read_text(encoding="utf-8")
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
    forbidden = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc"
    )
    found = {path.name: re.findall(forbidden, path.read_text(encoding="utf-8")) for path in OURS}

    assert {name: hits for name, hits in found.items() if hits} == {}


def test_both_languages_have_the_same_words_and_places() -> None:
    """A word that is missing in one language would be shown as its key."""
    words = page_words()

    assert words["en"].keys() == words["pt"].keys()
    for key, text in words["en"].items():
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(
            re.findall(r"\{\w+\}", words["pt"][key])
        ), key


def test_every_word_that_the_frame_uses_exists() -> None:
    """The keys written out in the frame's own modules are among the words."""
    known = page_words()["en"].keys()
    panels = (STATIC / "js/core/panel_words.js").read_text(encoding="utf-8")
    used: set[str] = set()
    for script in STATIC.rglob("js/**/*.js"):
        used |= {a or b for a, b in USED.findall(script.read_text(encoding="utf-8"))}

    assert {key for key in used if key not in known and f'"{key}"' not in panels} == set()


def test_the_first_view_is_light() -> None:
    """The weight is what goes over the wire for everything that the first view may load."""
    sent = [path for path in STATIC.rglob("*") if path.suffix in {".html", ".css", ".js", ".svg"}]

    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in sent) <= HEAVIEST
