"""The page's texts: two languages with the same keys, each of them used, and none in the code."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

import pytest

import spaf
from spaf import errors
from spaf.generate.anomalies.episode import EPISODE_KINDS
from spaf.generate.locust.protocol import INJECTABLE_KINDS
from spaf.quarantine.hints import HINTS
from spaf.quarantine.reason_messages import COUNTED, RULES
from spaf.sale.anomaly_kinds import BY_NAME, NAMES
from spaf.serve.records.kafka_view import MAX_MESSAGES
from spaf.stack.state import JobPhase, ServiceStatus
from spaf.trouble import TEXTS

STATIC = Path(str(files("spaf.serve").joinpath("static")))
SCRIPTS = STATIC / "js"
# What stands for an expression in a template.
HOLE = "\x00"
# After one of these a slash begins a regular expression, and after anything else it divides.
_BEFORE_REGEX = "(,=:[!&|?{};\n"
_REGEX = re.compile(r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[\n])+/[a-z]*")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_QUOTED = re.compile(r'"(?:\\.|[^"\\\n])*"')


@dataclass
class Literals:
    """What stands in one module between quotes."""

    # Each with the code before it on its line.
    strings: list[tuple[str, str]] = field(default_factory=list)
    templates: list[tuple[str, str]] = field(default_factory=list)


def modules() -> dict[str, str]:
    """Return the text of each module of the page by its path below `static/js`."""
    return {
        path.relative_to(SCRIPTS).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(SCRIPTS.rglob("*.js"))
    }


def literals(text: str) -> Literals:
    """Return the strings and templates of a module; HOLE stands for each `${...}`."""
    found = Literals()
    _read_code(text, 0, found)
    return found


def _read_code(text: str, at: int, found: Literals) -> int:
    """Read code from a place on, to the brace that closes what was open there, or to the end."""
    depth = 0
    while at < len(text):
        if match := _COMMENT.match(text, at):
            at = match.end()
        elif match := _QUOTED.match(text, at):
            found.strings.append((_before(text, at), match[0][1:-1]))
            at = match.end()
        elif text[at] == "/" and (match := _REGEX.match(text, at)) and _begins_regex(text, at):
            at = match.end()
        elif text[at] == "`":
            at = _read_template(text, at, found)
        else:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
            if depth < 0:
                return at
    return at


def _read_template(text: str, start: int, found: Literals) -> int:
    parts, at = [], start + 1
    while text[at] != "`":
        if text.startswith("${", at):
            parts.append(HOLE)
            at = _read_code(text, at + 2, found)
        else:
            size = 2 if text[at] == "\\" else 1
            parts.append(text[at : at + size])
            at += size
    found.templates.append((_before(text, start), "".join(parts)))
    return at + 1


def _before(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 : at]


def _begins_regex(text: str, at: int) -> bool:
    before = text[:at].rstrip(" ")
    return not before or before[-1] in _BEFORE_REGEX


ENGLISH: dict[str, str] = json.loads((STATIC / "locales/en.json").read_text(encoding="utf-8"))
PORTUGUESE: dict[str, str] = json.loads((STATIC / "locales/pt.json").read_text(encoding="utf-8"))
LITERALS = {name: literals(text) for name, text in modules().items()}
SECTIONS = {key.partition(".")[0] for key in ENGLISH if "." in key}
# Literals that are words but no text of the page: names of keys, of the product, of the languages.
NO_TEXT = {
    *("ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Escape", "Home", "End", "PageDown"),
    *("PageUp", "SPAF", "English", "Português", "sales_summary"),
}
# Code before a literal that is not shown: the class of an element, the console, an exception.
NOT_SHOWN = re.compile(
    r"(?:class[:=] ?|console\.\w+\(|Error\(|[Ss]elector(?:All)?\(|matches\(|closest\(|"
    r"matchMedia\(|find\(|part\()$"
)
TEXT = re.compile(r"^[A-ZÀ-Ú][a-zà-ú]{2,}|\b[A-Za-zÀ-ú]{2,} [A-Za-zÀ-ú]{2,}")


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    """A key that one language lacks would show itself on the page."""
    assert list(PORTUGUESE) == list(ENGLISH)


def test_both_languages_fill_in_the_same_values() -> None:
    """What is filled into the English text is filled into the Portuguese one."""
    values = {key: values_of(text) for key, text in ENGLISH.items()}
    assert {key: values_of(text) for key, text in PORTUGUESE.items()} == values


def values_of(text: str) -> list[str]:
    """Return the names of the values that are filled into a text."""
    return sorted(re.findall(r"\{\w+\}", text))


def test_every_key_that_the_code_names_exists() -> None:
    """A literal that begins like a key is one, or is the beginning of some."""
    named = {text for found in LITERALS.values() for _, text in found.strings if is_key(text)}
    assert named
    assert {
        key
        for key in named
        if key not in ENGLISH and not (key[-1] == "." and any(k.startswith(key) for k in ENGLISH))
    } == set()


def is_key(text: str) -> bool:
    """Return whether a literal looks like a key of the texts."""
    return bool(re.fullmatch(r"[a-z]+\.[a-z_0-9.]*", text)) and text.partition(".")[0] in SECTIONS


def test_every_key_is_used() -> None:
    """A text that nothing shows would be translated for nothing."""
    used = {text for found in LITERALS.values() for _, text in found.strings}
    used |= set(re.findall(r'data-t="(.*?)"', (STATIC / "index.html").read_text(encoding="utf-8")))
    patterns = [
        re.compile(re.escape(text).replace(HOLE, r".+"))
        for found in LITERALS.values()
        for _, text in found.templates
        if re.match(r"[a-z]+\.", text)
    ]
    prefixes = tuple(text for text in used if is_key(text) and text.endswith("."))
    assert {
        key
        for key in ENGLISH
        if key not in used
        and not key.startswith(prefixes)
        and not any(pattern.fullmatch(key) for pattern in patterns)
    } == set()


@pytest.mark.parametrize("name", LITERALS)
def test_no_text_of_the_page_stands_in_code(name: str) -> None:
    """Every text that a person reads is in the locales, where both languages have it."""
    assert texts_in(LITERALS[name]) == []


def texts_in(found: Literals) -> list[str]:
    """Return the literals of a module that look like text for a person."""
    markup = [text for before, text in found.templates if re.search(r"\b(?:html|svg)$", before)]
    plain = found.strings + [
        (before, text)
        for before, text in found.templates
        if not re.search(r"\b(?:html|svg)$", before)
    ]
    return [
        text
        for before, text in plain
        if TEXT.search(text) and text not in NO_TEXT and not NOT_SHOWN.search(before)
    ] + [text for one in markup for text in shown_by(one) if text not in NO_TEXT]


def shown_by(markup: str) -> list[str]:
    """Return the words that a template of markup holds between its tags and in its labels."""
    labels = re.findall(r'(?:aria-label|title|placeholder|alt)="([^"]*)"', markup)
    return re.findall(r"[A-Za-zÀ-ú_]{2,}", " ".join([re.sub(r"<[^>]*>", " ", markup), *labels]))


@pytest.mark.parametrize(
    ("code", "texts"),
    [
        ('t("accounts.title"); // "A comment"', []),
        ('put(node, "Sold out");', ["Sold out"]),
        ("put(node, `${n} sales left`);", [f"{HOLE} sales left"]),
        ('html`<p class="a b">${t(`x.${y}`)}</p>`', []),
        ('html`<p title="Now">Sold ${n}</p>`', ["Sold", "Now"]),
        ('const quoted = /"(it is)"/;', []),
        ('throw new Error("no such row");', []),
    ],
)
def test_the_search_for_texts_finds_them(code: str, texts: list[str]) -> None:
    """What it takes for a text, and what it passes over."""
    assert texts_in(literals(code)) == texts


def test_rules_are_those_of_the_quarantine() -> None:
    """The page translates a message of the server by its rule, so the English texts are equal."""
    rules = {key.partition(".")[2]: text for key, text in ENGLISH.items() if key[:5] == "rule."}
    assert rules == {str(reason): rule for reason, rule in {**RULES, **COUNTED}.items()}
    assert {f"reason.{reason}" for reason in rules} <= ENGLISH.keys()
    guesses = {key.partition(".")[2]: text for key, text in ENGLISH.items() if key[:5] == "hint."}
    assert guesses == HINTS


def test_every_kind_of_anomaly_has_a_name() -> None:
    """Those that are detected, and those that are injected."""
    named = {*NAMES["en"], *(key.partition(".")[2] for key in ENGLISH if key[:5] == "kind.")}
    assert {*BY_NAME, *INJECTABLE_KINDS, *EPISODE_KINDS} <= named
    assert NAMES["en"].keys() == NAMES["pt"].keys()


def test_messages_that_are_translated_are_the_server_s() -> None:
    """A message that is translated here stands in some module."""
    sources = Path(spaf.__file__).parent.rglob("*.py")
    code = "".join(source.read_text(encoding="utf-8") for source in sources)
    assert [s for key, s in ENGLISH.items() if key[:7] == "server." and s not in code] == []


def test_every_refusal_has_a_text() -> None:
    """Each code that a server gives to an error, but for a wrong parameter: see below."""
    codes = {"parameter"}
    for folder in ("", "serve", "topic", "generate"):
        sources = (Path(spaf.__file__).parent / folder).rglob("*.py")
        for source in sources if folder else [Path(errors.__file__)]:
            text = source.read_text(encoding="utf-8")
            codes |= set(re.findall(r'\bcode ?= ?"(\w+)"', text))
    known = {key.partition(".")[2] for key in ENGLISH if key.startswith("refused.")}
    assert known | {"parameter"} == codes


@pytest.mark.parametrize("texts", [ENGLISH, PORTUGUESE], ids=["en", "pt"])
def test_a_wrong_value_has_a_text_with_the_bound_of_the_server(texts: dict[str, str]) -> None:
    """Each value that is typed for the messages of a topic."""
    assert {f"panel.wrong.{name}" for name in ("last", "offset", "time_ms")} <= texts.keys()
    assert f" {MAX_MESSAGES}." in texts["panel.wrong.last"]


def test_every_cause_has_the_sentence_of_the_commands() -> None:
    """The page says in both languages what `spaf status` says in English."""
    causes = {key.partition(".")[2]: text for key, text in ENGLISH.items() if key[:6] == "cause."}
    assert causes == {code: f"{text.what} {text.todo}" for code, text in TEXTS.items()}


def test_every_state_of_a_stage_has_a_text() -> None:
    """Those of its services, and those of the job."""
    states = {f"state.{state.lower()}" for state in (*ServiceStatus, *JobPhase)}
    assert states - ENGLISH.keys() == set()
