"""The parts of the page's panels that need no page, run by the Node.js that Playwright brings."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

NODE = Path(str(files("playwright").joinpath("driver", "node")))

FEED = """
import { AnomalyFeed, keyOf } from "./anomalies/anomaly_feed.js";
const feed = new AnomalyFeed();
const sale = (offset, ms, kind = "high_price") => ({ kind, partition: 0, offset, detected_ms: ms });
const offsets = (rows) => rows.map(({ offset }) => offset);
"""


def code(point: str) -> str:
    """Return how the page writes a character that would not be seen."""
    return f"\u2039U+{point}\u203a"


# Runs each module named on a line of its input, and writes what the module exports as `result`.
# lit-html asks for these of the document when it is loaded; no case draws anything.
RUNNER = """
globalThis.document = { createTreeWalker: () => ({}), createComment: () => ({}) };
const { createInterface } = await import("node:readline");
for await (const file of createInterface({ input: process.stdin })) {
  const answer = await import(file).then(
    ({ result }) => ({ result }), (error) => ({ error: error.stack }));
  console.log(JSON.stringify(answer));
}
"""


class Node:
    """One process of Node.js for all tests of this file."""

    def __init__(self, folder: Path) -> None:
        """Start it in a copy of the page's files that it takes for modules."""
        self._folder = folder
        shutil.copytree(str(files("spaf.serve").joinpath("static")), folder, dirs_exist_ok=True)
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "runner.js").write_text(RUNNER)
        self._process = subprocess.Popen(
            [NODE, folder / "runner.js"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._cases = 0

    def run(self, case: str) -> Any:
        """Run a case in the folder of the scripts and return what it exports as `result`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._cases += 1
        file = self._folder / "js" / f"case{self._cases}.js"
        file.write_text(case)
        self._process.stdin.write(f"{file}\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """Yield the process that runs the cases."""
    process = Node(tmp_path_factory.mktemp("page"))
    yield process
    process.close()


def test_an_anomaly_is_shown_once_and_the_newest_first(node: Node) -> None:
    """A snapshot after a reconnect tells again what was known."""
    case = """
feed.add([sale(1, 10), sale(2, 20)]);
feed.restart([sale(3, 30), sale(2, 20), sale(1, 10)]);
export const result = [offsets(feed.rows), feed.counts.get("high_price")];"""
    assert node.run(FEED + case) == [[3, 2, 1], 3]


def test_a_held_feed_does_not_move_and_loses_nothing(node: Node) -> None:
    """What comes meanwhile waits, and is shown when the reader lets go."""
    case = """
feed.add([sale(1, 10)]);
feed.pause(true);
const now = feed.add([sale(2, 20)]);
const held = offsets(feed.rows);
const waited = feed.pause(false);
export const result = [now, held, offsets(waited), offsets(feed.rows)];"""
    assert node.run(FEED + case) == [[], [1], [2], [2, 1]]


def test_a_gap_that_cannot_be_closed_is_not_hidden(node: Node) -> None:
    """If every row of a full snapshot is newer than what is known, what is known goes."""
    case = """
feed.add([sale(1, 10)]);
feed.restart(Array.from({ length: 100 }, (_, i) => sale(1_000 + i, 5_000 + i)));
export const result = [feed.rows.length, feed.rows.at(-1).offset, feed.counts.get("high_price")];"""
    assert node.run(FEED + case) == [100, 1000, 100]


def test_the_feed_of_a_long_day_stays_small(node: Node) -> None:
    """Only the newest are kept; counts go on."""
    case = """
for (let i = 0; i < 5_000; i += 1) feed.add([sale(i, i)]);
export const result = [feed.rows.length, feed.rows[0].offset, feed.known.size, feed.seen];"""
    assert node.run(FEED + case) == [1000, 4999, 1000, 5000]


def test_two_kinds_of_one_second_are_two_anomalies(node: Node) -> None:
    """A second is named by its category and kind too."""
    case = """
const second = (kind, category) => ({ kind, category, second: 7, detected_ms: 8 });
const rows = [second("surge", "a"), second("surge", "b"), second("drought", "a")];
export const result = feed.add(rows).length;"""
    assert node.run(FEED + case) == 3


def test_a_kind_has_the_name_that_the_server_sends(node: Node) -> None:
    """An episode that no alert is called after has a text of the page; an unknown kind its own."""
    case = """
import { emit } from "./core/events.js";
import { kindName } from "./core/ui.js";
emit("snapshot", { run: { kind_names: { en: { large_amount: "Large amount" } } }, rows: [] });
export const result = ["large_amount", "level_shift", "new"].map(kindName);"""
    assert node.run(case) == ["Large amount", "Level shift", "new"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ção 日本", "plain ção 日本"),
        ("a\nb\tc\x1b[31m", r"a\nb\tc\x1b[31m"),
        ("a\u202eb\u2066c\u200bd", f"a{code('202E')}b{code('2066')}c{code('200B')}d"),
        ("\ufeffx\u0085y\x7f", rf"{code('FEFF')}x{code('0085')}y\x7f"),
        ("\ud800", code("D800")),
        ("\U000e0041", code("E0041")),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
    ],
)
def test_nothing_in_a_text_hides_or_turns_it(node: Node, text: str, shown: str) -> None:
    """Characters that show nothing, or turn their neighbours around, are written out."""
    case = f"""
import {{ escaped }} from "./core/untrusted_text.js";
export const result = escaped({json.dumps(text)});"""
    assert node.run(case) == shown


@pytest.mark.parametrize(
    ("typed", "rate"),
    [
        *(("100", 100), (" 1,000 ", 1000), ("1.000", 1000), ("50.000", 50000), ("1 000", 1000)),
        *(("0.5", 0.5), ("0,5", 0.5), ("12.25", 12.25)),
        *(("", None), ("many", None), ("-1", None), ("1e9", None), ("1,0,0", None), ("0x10", None)),
    ],
)
def test_a_rate_is_read_as_it_is_written_in_either_language(
    node: Node, typed: str, rate: float | None
) -> None:
    """A thousand is a thousand with a comma and with a point."""
    case = f"""
const {{ parseRate }} = await import("./core/format.js");
export const result = parseRate({json.dumps(typed)});"""
    assert node.run(case) == rate


@pytest.mark.parametrize(
    ("seen", "span"),
    [(9, 1), (19, 2), (39, 4), (79, 8), (160, 16), (55, 0), (161, 16)],
)
def test_the_seconds_of_a_rule_are_found_by_their_sum(node: Node, seen: int, span: int) -> None:
    """A sum that none of the spans comes near marks nothing but its second."""
    case = f"""
const {{ spanOf }} = await import("./anomalies/window_anomaly.js");
const counts = [...Array(45).fill(10), 9, 50, 50];
export const result = spanOf(counts, 45, {seen});"""
    assert node.run(case) == span


@pytest.mark.parametrize(
    "order", [["zoo", "toys", "art", "clothing"], ["art", "clothing", "toys", "zoo"]]
)
def test_a_colour_follows_the_name_and_not_the_arrival(node: Node, order: list[str]) -> None:
    """Two browsers show a category alike: the shop's order, then the alphabet; ten places."""
    case = f"""
const {{ createPalette }} = await import("./core/palette.js");
const palette = createPalette();
palette.addAll({json.dumps(order)});
const few = [...palette.names];
palette.addAll(["m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8"]);
export const result = [few, palette.names.length, palette.place("zoo"), palette.place("toys")];"""
    assert node.run(case) == [["clothing", "toys", "art", "zoo"], 10, 10, 1]


def test_what_a_category_sold_moves_with_its_place(node: Node) -> None:
    """A name that comes later does not give another's sales to it."""
    case = """
const { createPalette } = await import("./core/palette.js");
const { ArrivalRates } = await import("./core/arrival_rates.js");
const palette = createPalette();
const arrivals = new ArrivalRates();
arrivals.clear(1_000);
palette.add("toys");
arrivals.addCategory("toys", 8);
palette.add("books");
arrivals.advance(1_250);
const rates = arrivals.byPlace(palette.place, 1);
export const result = ["books", "toys"].map((name) => rates[palette.place(name)]);"""
    assert node.run(case) == [0, 8]


@pytest.mark.parametrize(
    ("score", "shown"),
    [
        *((2 / 3, "0.667"), (18 / 28, "0.643"), (1, "1.000"), (0, "0.000")),
        *((0.99996, "> 0.999"), (0.0001, "< 0.001"), (0.9994, "0.999")),
    ],
)
def test_a_score_is_rounded_but_never_to_all_or_none(node: Node, score: float, shown: str) -> None:
    """One miss in ten thousand is seen, and so is one hit."""
    case = f"""
const {{ scoreText }} = await import("./core/format.js");
export const result = scoreText({score}, 3);"""
    assert node.run(case) == shown


@pytest.mark.parametrize(
    ("names", "shown"),
    [((), "being prepared"), (("kafka", "tables"), "waits for: Kafka, Topic and tables")],
)
def test_a_stage_that_waits_for_no_other_is_prepared(
    node: Node, names: tuple[str, ...], shown: str
) -> None:
    """In a new folder PostgreSQL is not started before initdb has ended."""
    case = f"""
const {{ stageText }} = await import("./core/start.js");
const stage = {{ name: "postgres", state: "waiting", since_ms: null, waits_for: {list(names)} }};
export const result = stageText(stage, {{ began_ms: 0 }}, 1_000);"""
    assert node.run(case) == shown


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (
            {"message": "last: Input ...", "parameter": "last"},
            "How many: a whole number from 1 to 100.",
        ),
        (
            {"message": "no: Input ...", "parameter": "a\nb"},
            r"SPAF does not accept this value: a\nb.",
        ),
        ({"message": "Odd.", "todo": "Wait."}, "Odd. Wait."),
        ({"message": "Odd.", "todo": "Wait.", "code": "kafka"}, "Odd. Wait."),
        ({"message": "Odd.", "code": "of_a_newer_server"}, "Odd."),
        (
            {"message": "Odd.", "code": "rate", "parameters": {"min": 0.1, "max": 50_000}},
            "The rate must be from 0.1 to 50,000 sales per second.",
        ),
        ({}, "SPAF did not answer."),
    ],
)
def test_an_error_has_the_text_of_the_page(node: Node, error: dict[str, Any], shown: str) -> None:
    """Not that of the library that found a wrong value, which is named at least."""
    case = f"""
const {{ errorText }} = await import("./core/ui.js");
export const result = errorText({json.dumps(error)});"""
    assert node.run(case) == shown


def test_labels_of_an_axis_tell_its_steps_apart(node: Node) -> None:
    """Neither two labels alike nor needless digits."""
    case = """
const { axisNumber, axisMoney } = await import("./core/format.js");
const of = (step, n = 5) => Array.from({ length: n }, (_, i) => axisNumber(i * step));
export const result = [of(250, 8), of(0.5, 3), of(20, 3), axisMoney(125_000, "USD")];"""
    assert node.run(case) == [
        ["0", "250", "500", "750", "1K", "1.25K", "1.5K", "1.75K"],
        *(["0", "0.5", "1"], ["0", "20", "40"], "$1.25K"),
    ]


def test_a_change_of_the_rate_is_remembered_for_its_run(node: Node) -> None:
    """The first rate is no change, a stop is one, and so is the start after it."""
    case = """
const { RateChanges } = await import("./anomalies/rate_changes.js");
const seen = new RateChanges();
const told = [];
const loads = [["running", 100], ["running", 100], ["running", 500], ["gone", 0], ["stopped", 9],
  ["running", 500]];
loads.forEach(([state, rate], i) => seen.take({ state, rate }, 1, i));
told.push([...seen.moments]);
seen.take({ state: "running", rate: 7 }, 2, 9);
export const result = [...told, seen.moments];"""
    assert node.run(case) == [[2, 4, 5], []]
