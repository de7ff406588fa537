"""The words of the page's panels: two languages that say the same, and what others call things."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

import spaf
from spaf.generate.anomalies.episode import EPISODE_KINDS
from spaf.generate.locust.protocol import WISHES
from spaf.generate.shop.catalogue import CATEGORIES
from spaf.quarantine.reason_messages import COUNTED, RULES
from spaf.serve.records.kafka_view import MOST_MESSAGES

SCRIPTS = Path(str(files("spaf.serve").joinpath("static/js")))
PANELS = sorted(
    path.relative_to(SCRIPTS).as_posix()
    for folder in ("anomalies", "accounts", "kafka", "load")
    for path in (SCRIPTS / folder).glob("*.js")
)
SECTIONS = (
    *("panel", "kind", "anomalies", "score", "record", "outcome", "accounts", "reason", "rule"),
    *("why", "second", "quarantine", "kafka", "messages", "controls", "server"),
)
KEY = re.compile(rf'"((?:{"|".join(SECTIONS)})\.[a-z_.0-9]+)"')
# Kinds of the rows that the job writes.
ALERTS = ("high_price", "low_price", "bulk_quantity", "surge", "drought")


def words() -> dict[str, dict[str, str]]:
    """Return the words of both languages."""
    text = (SCRIPTS / "core/panel_words.js").read_text(encoding="utf-8")
    found: dict[str, dict[str, str]] = json.loads(
        text.partition("WORDS = ")[2].strip().removesuffix(";")
    )
    return found


def test_both_languages_have_the_same_words() -> None:
    """What one language says the other says too."""
    assert words()["pt"].keys() == words()["en"].keys()


def test_a_word_has_the_same_places_in_both_languages() -> None:
    """What is filled in here is filled in there."""
    english, portuguese = words()["en"], words()["pt"]
    assert [key for key in english if places(english[key]) != places(portuguese[key])] == []


def places(text: str) -> list[str]:
    """Return what is filled into a text."""
    return sorted(re.findall(r"\{\w+\}", text))


def test_each_word_that_a_panel_names_is_there() -> None:
    """No key shows itself on the page instead of its words."""
    named = {key for name in PANELS for key in KEY.findall((SCRIPTS / name).read_text())}
    assert named, "no key was found in the scripts"
    assert {key for key in named if not key.endswith(".")} <= words()["en"].keys()


def test_rules_are_told_as_the_quarantine_tells_them() -> None:
    """The page translates a sentence of the server by its rule, so the rules must be the same."""
    english = words()["en"]
    told = {key.partition(".")[2]: text for key, text in english.items() if key[:5] == "rule."}
    assert told == {str(reason): rule for reason, rule in {**RULES, **COUNTED}.items()}
    assert {f"reason.{reason}" for reason in told} <= english.keys()


def test_every_kind_of_anomaly_has_a_name() -> None:
    """Those that are found, those that are injected, and those that one may wish for."""
    assert {f"kind.{kind}" for kind in (*ALERTS, *WISHES, *EPISODE_KINDS)} <= words()["en"].keys()


def test_sentences_of_the_server_are_said_by_the_server() -> None:
    """A sentence that is translated here is one that some module says."""
    sources = Path(spaf.__file__).parent.rglob("*.py")
    said = "".join(source.read_text(encoding="utf-8") for source in sources)
    english = words()["en"]
    assert [s for key, s in english.items() if key[:7] == "server." and s not in said] == []


def test_what_a_person_may_get_wrong_has_words() -> None:
    """Each value that is typed for the messages of a topic, with the bound that the server has."""
    form = (SCRIPTS / "kafka/message_form.js").read_text(encoding="utf-8")
    typed = re.findall(r"(\w+): (?:values\.|Number\.isNaN)", form)
    assert sorted(typed) == ["last", "offset", "time_ms"]
    for language in words().values():
        assert {f"panel.wrong.{name}" for name in typed} <= language.keys()
        assert f" {MOST_MESSAGES}." in language["panel.wrong.last"]


def test_the_shop_has_the_categories_that_the_page_offers() -> None:
    """An anomaly can be injected into these; Locust refuses any other."""
    script = (SCRIPTS / "core/catalogue.js").read_text(encoding="utf-8")
    listed = re.search(r"const CATEGORIES = \[(.*?)\]", script, re.DOTALL)
    assert listed
    assert tuple(re.findall(r'"([^"]+)"', listed[1])) == CATEGORIES


@pytest.mark.parametrize("name", PANELS)
def test_a_panel_makes_no_markup_of_text(name: str) -> None:
    """What others have written only ever becomes a text node."""
    script = (SCRIPTS / name).read_text(encoding="utf-8")
    sinks = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc"
    assert re.findall(sinks, script) == []
