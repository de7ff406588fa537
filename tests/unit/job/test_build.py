"""The SQL of the job: every placeholder known and used, every name quoted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields, replace
from importlib.resources import files
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spaf.errors import JobError
from spaf.job.build import (
    CONNECTORS,
    DEDUP,
    DUPLICATE_SLACK_S,
    ENDPOINTS,
    MIN_PRICE_SPREAD,
    OWN_HOUR,
    SINKS,
    STATE_SLACK_S,
    TABLES,
    VIEWS,
    JobParameters,
    _double,
    _text,
    render,
    statements,
)

PARAMETERS = JobParameters(
    bootstrap_servers="127.0.0.1:9092",
    kafka_security="",
    topic="vendas-simuladas",
    group="spaf-job",
    jdbc_url="jdbc:postgresql://127.0.0.1:5432/spaf",
    jdbc_user="spaf_sink",
    jdbc_password="geheim",  # noqa: S106 - not a real one
    flush_ms=3,
    default_currency="BRL",
    max_lateness_s=600,
    max_ahead_s=60,
    known_categories=("books", "toys"),
    outlier_hours=6,
    outlier_score=4.5,
    surge_seconds=60,
    surge_score=4.5,
    series_score=4.8,
)
HOSTILE = "it's'; DROP TABLE x; --${topic}\\"
LITERAL = re.compile(r"'((?:[^']|'')*)'")


ONE_BLOCK = replace(PARAMETERS, duplicate_block_s=600)
EACH = pytest.mark.parametrize("parameters", [PARAMETERS, ONE_BLOCK])


def sources(parameters: JobParameters = PARAMETERS) -> dict[str, str]:
    """Return name and text of each file of the job."""
    folder = files("spaf.job").joinpath("sql")
    folders = [folder, folder.joinpath(DEDUP)] if parameters.duplicate_block_s else [folder]
    paths = [path for found in folders for path in found.iterdir()]
    return {p.name: p.read_text() for p in paths if p.name.endswith(".sql")}


def used() -> set[str]:
    """Return the placeholders that the files name."""
    texts = [*sources().values(), *sources(ONE_BLOCK).values()]
    return {name for text in texts for name in re.findall(r"\$\{(\w+)\}", text)}


def literals(sql: str) -> Iterator[str]:
    """Yield the values of the string literals of a statement, as a SQL parser reads them."""
    code = re.sub(r"(?m)^\s*--.*$", "", sql)
    return (found[1].replace("''", "'") for found in LITERAL.finditer(code))


def test_every_placeholder_of_the_files_is_known_and_every_known_one_is_used() -> None:
    """Neither a hole in the SQL nor a parameter without effect."""
    assert set(PARAMETERS.placeholders()) == used()


@EACH
def test_statements_come_in_the_order_of_their_numbers_without_holes(
    parameters: JobParameters,
) -> None:
    """Each file gives one statement, rendered whole, in the order in which they build up."""
    found = [re.search(r"TEMPORARY (?:VIEW|TABLE) (\w+)", s) for s in statements(parameters)]
    expected = [name.removesuffix(".sql")[4:] for name in sorted(sources(parameters))]
    assert [one[1] for one in found if one] == expected
    assert not any("${" in statement for statement in statements(parameters))


def test_without_deduplication_nothing_of_it_takes_part() -> None:
    """It is not there and costs nothing: the statements are those of the plain files."""
    folder = files("spaf.job").joinpath("sql", DEDUP)
    added = {p.name for p in folder.iterdir()} - set(sources())
    assert added == set(sources(ONE_BLOCK)) - set(sources())
    text = "\n".join(statements(PARAMETERS))
    assert not re.search("duplicate|identified|counted_sale", text)
    assert set(PARAMETERS.sink_by_view().values()) == set(SINKS)
    assert set(ONE_BLOCK.sink_by_view().values()) == {*SINKS, "duplicate_block"}


def test_state_of_copies_outlives_what_they_feed() -> None:
    """A copy may come until its block ends; what it takes back must still be known then."""
    found = ONE_BLOCK.placeholders()
    assert found["duplicate_ttl"] == f"'{600 + DUPLICATE_SLACK_S} s'"
    assert found["counted_ttl"] == f"'{600 + STATE_SLACK_S + 660} s'"


@EACH
def test_files_are_numbered_and_no_number_is_given_twice(parameters: JobParameters) -> None:
    """Three digits first, so that sorting by name is sorting by number."""
    numbers = [re.match(r"\d{3}_", name) for name in sources(parameters)]
    assert len({n[0] for n in numbers if n}) == len(sources(parameters))


@EACH
def test_files_say_purpose_and_grain_first(parameters: JobParameters) -> None:
    """The head of each statement is a comment that names its grain."""
    heads = {name: re.match(r"(?:--.*\n)+", text) for name, text in sources(parameters).items()}
    assert [name for name, head in heads.items() if not head or "Grain: " not in head[0]] == []


def test_kinds_of_statements_are_told_apart_by_their_numbers() -> None:
    """A test that brings its own log gets the views only; a compiled plan needs the tables only."""
    views, tables = (list(statements(PARAMETERS, kind)) for kind in (VIEWS, TABLES))
    assert [" VIEW " in view for view in views] == [True] * len(views)
    assert ["'connector'" in table for table in tables] == [True] * len(tables)
    assert tables + views == list(statements(PARAMETERS))


@pytest.mark.parametrize("field", [*ENDPOINTS, "flush_ms"])
def test_digest_leaves_out_what_a_plan_does_not_hold(field: str) -> None:
    """The same plan serves another port or password; no secret shows in its name."""
    other: Any = 99 if field == "flush_ms" else "another"
    assert replace(PARAMETERS, **{field: other}).digest() == PARAMETERS.digest()


@pytest.mark.parametrize(
    "field",
    [f.name for f in fields(JobParameters) if f.name not in (*ENDPOINTS, "flush_ms", *CONNECTORS)],
)
def test_digest_stands_for_everything_that_changes_the_plan(field: str) -> None:
    """A kept plan is never used for other rules."""
    old = getattr(PARAMETERS, field)
    other: Any = old * 2 or 600
    changed = replace(PARAMETERS, **{field: other})
    assert changed.digest() != PARAMETERS.digest()
    assert changed.digest() == replace(PARAMETERS, **{field: other}).digest()


@EACH
def test_results_name_a_view_and_a_sink_that_exist(parameters: JobParameters) -> None:
    """Each answer is tied to a table."""
    names = {name.removesuffix(".sql")[4:]: name[0] for name in sources(parameters)}
    assert {names[view] for view in parameters.sink_by_view()} == {"1"}
    assert {names[sink] for sink in parameters.sink_by_view().values()} == {"0"}


@EACH
def test_view_and_sink_of_a_result_have_the_same_columns(parameters: JobParameters) -> None:
    """`SELECT *` into a sink goes by position; the names must agree as well."""
    text = {name.removesuffix(".sql")[4:]: body for name, body in sources(parameters).items()}
    for view, sink in parameters.sink_by_view().items():
        columns = re.findall(r"(?m)^    (\w+) (?:INT|BIGINT|STRING|DOUBLE|TIM|DEC)", text[sink])
        body = text[view].partition("\nSELECT\n")[2].partition("\nFROM")[0]
        names = re.findall(r"(?m)^(?: {4}(?=\S).*?| {8}AS )\b(\w+),?$", body)
        assert [name for name in names if name in columns] == columns


@pytest.mark.parametrize("sql", ["SELECT ${nothing}", "SELECT $nothing", "SELECT $ 5", "a $"])
def test_unknown_placeholder_is_an_error_that_names_the_file(sql: str) -> None:
    """A slip in the SQL is found before Flink sees it."""
    with pytest.raises(JobError, match=r"^job/sql/110_x\.sql: unknown placeholder"):
        render("110_x.sql", sql, {"topic": "'t'"})


def test_known_placeholders_are_replaced() -> None:
    """The literal takes the place of its name, wherever and how often it stands."""
    assert render("x.sql", "${a}, ${b}, ${a}", {"a": "1", "b": "'$'"}) == "1, '$', 1"


@given(st.text())
def test_text_is_one_literal_whatever_it_holds(value: str) -> None:
    """A literal ends where it should end, and reads back as the value."""
    literal = _text(value)
    found = LITERAL.fullmatch(literal)
    assert found is not None
    assert found[1].replace("''", "'") == value


@pytest.mark.parametrize("field", ["topic", "group", "bootstrap_servers", "jdbc_url", "jdbc_user"])
def test_hostile_name_stays_inside_its_literal(field: str) -> None:
    """A name with a quote changes no statement but in that literal, and is not rendered again."""
    hostile = replace(PARAMETERS, **{field: HOSTILE})  # type: ignore[arg-type]
    before = [list(literals(s)) for s in statements(PARAMETERS)]
    after = [list(literals(s)) for s in statements(hostile)]
    old = getattr(PARAMETERS, field)
    expected = [[HOSTILE if one == old else one for one in each] for each in before]
    assert after == expected
    assert any(HOSTILE in each for each in after)


def test_hostile_category_stays_inside_its_literal() -> None:
    """Categories stand in conditions and rows; each time they are text and nothing else."""
    hostile = replace(PARAMETERS, known_categories=("books", HOSTILE)).placeholders()
    assert list(literals(hostile["known_categories"])) == ["books", HOSTILE]
    assert list(literals(hostile["all_categories"])) == ["books", HOSTILE, "(other)"]


def test_the_first_row_of_an_hour_goes_to_the_partition_of_each_hour_of_the_day() -> None:
    """Then no state of an hour expires between two days; every other row goes to its own."""
    touched = re.fullmatch(
        r"CASE WHEN hour_rows = 1 THEN ARRAY\[(.*)\] ELSE (.*) END",
        PARAMETERS.placeholders()["touched_hours"],
    )
    assert touched
    assert [int(hour) for hour in touched[1].split(", ")] == list(range(24))
    assert touched[2] == OWN_HOUR


@pytest.mark.parametrize(
    ("value", "literal"),
    [(6.0, "6.0e0"), (4.5, "4.5e0"), (2.5e9, "2500000000.0e0"), (1e22, "1e+22"), (1e-7, "1e-07")],
)
def test_double_always_has_an_exponent(value: float, literal: str) -> None:
    """Without one Flink would read a DECIMAL."""
    assert _double(value) == literal


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_double_reads_back_as_the_same_number(value: float) -> None:
    """No digit is lost on the way into the SQL."""
    literal = _double(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?e[+-]?\d+", literal)
    assert float(literal) == value


def test_whole_number_becomes_a_double_too() -> None:
    """A score of 6 from the settings is not an INT in the SQL."""
    assert _double(6) == "6.0e0"


def test_times_are_in_the_unit_of_their_placeholder() -> None:
    """Seconds of the settings become milliseconds of the SQL."""
    found = PARAMETERS.placeholders()
    assert (found["max_lateness_ms"], found["max_ahead_ms"]) == ("600000", "60000")
    assert found["state_ttl"] == f"'{600 + 60 + STATE_SLACK_S}000 ms'"
    compressed = replace(PARAMETERS, acceleration=480)
    assert compressed.placeholders()["state_ttl"] == "'8875 ms'"
    assert compressed.digest() != PARAMETERS.digest()


@given(st.floats(0.01, 100), st.floats(0, 50_000), st.floats(MIN_PRICE_SPREAD, 10_000))
def test_a_sale_near_the_mean_is_no_outlier(score: float, distance: float, spread: float) -> None:
    """The filter by the distance from the mean excludes no sale whose score is high enough."""
    found = replace(PARAMETERS, outlier_score=score).placeholders()
    if distance / spread > score:
        assert distance > float(found["min_price_distance"])


def test_options_of_the_connectors_are_in_the_sql_and_not_in_the_plan() -> None:
    """Every sink has the same number of rows."""
    other = replace(PARAMETERS, flush_rows=100, poll_records=500, fetch_bytes=1_048_576)
    tables = "".join(statements(other, TABLES))
    assert tables.count("'sink.buffer-flush.max-rows' = '100'") == len(SINKS)
    assert "'properties.max.poll.records' = '500'" in tables
    assert "'properties.max.partition.fetch.bytes' = '1048576'" in tables
    assert other.digest() == PARAMETERS.digest()


@pytest.mark.parametrize(("seconds", "least"), [(12, "4"), (120, "30"), (3600, "30")])
def test_short_history_of_seconds_still_gives_scores(seconds: int, least: str) -> None:
    """The least history never needs more seconds than are kept."""
    found = replace(PARAMETERS, surge_seconds=seconds).placeholders()
    assert found["min_history_rows"] == least
