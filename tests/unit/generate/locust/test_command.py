"""The command lines of the load, its options, and what a result says."""

from __future__ import annotations

import dataclasses
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from locust.argument_parser import LocustArgumentParser, get_parser

from spaf.errors import LoadError
from spaf.generate.locust import command
from spaf.generate.locust.load_result import LoadResult
from spaf.generate.locust.options import LiveOptions, add_options, exact, read_live, read_options
from tests.support.load_results import LOAD

SALES = command.LoadSpec("127.0.0.1:9092", "vendas-simuladas", 1, ("BRL", "USD"), 0.0005)


def option(argv: list[str], name: str) -> str:
    """Return the value of an option."""
    return argv[argv.index(name) + 1]


def test_load_runs_without_a_page_and_writes_a_result() -> None:
    """The headless form names where the counts go and how long it sells."""
    argv = command.load_command(SALES, rate=250.0, seconds=30.0, result=Path("r.json"))
    assert "--headless" in argv
    assert option(argv, "--for-seconds") == "30.0"
    assert option(argv, "--result") == "r.json"
    assert option(argv, "--currencies") == "BRL,USD"
    assert Path(option(argv, "-f")).is_file()


def test_page_listens_on_loopback_only() -> None:
    """The page's form offers itself to this machine, and sells at once only if asked."""
    argv = command.page_command(SALES, port=8089, rate=100, autostart=True)
    assert (option(argv, "--web-host"), option(argv, "--web-port")) == ("127.0.0.1", "8089")
    assert "--autostart" in argv
    assert "--autostart" not in command.page_command(SALES, port=8089, rate=100, autostart=False)


def test_labels_go_to_their_file() -> None:
    """Labels are written only if a file is named."""
    labelled = dataclasses.replace(SALES, labels=Path("l.jsonl"))
    argv = command.page_command(labelled, port=8089, rate=1, autostart=True)
    assert option(argv, "--labels") == "l.jsonl"
    assert "--labels" not in command.page_command(SALES, port=8089, rate=1, autostart=True)


@given(st.decimals("0.01", 100_000, places=2).map(float))
def test_users_times_their_share_is_exactly_the_rate(rate: float) -> None:
    """No rounding on the way: the process sees the rate that was asked for."""
    argv = command.load_command(SALES, rate=rate, seconds=1, result=Path("r"))
    share = exact(float(option(argv, "--sales-per-user")))
    assert int(option(argv, "--users")) * share == Fraction(Decimal(str(rate)))


def test_our_options_are_understood() -> None:
    """What the command says is what the Locust process reads."""
    parser = get_parser(default_config_files=[])
    add_options(parser)
    argv = command.load_command(SALES, rate=250.0, seconds=30.0, result=Path("r.json"))
    parsed = parser.parse_args(argv[argv.index("-f") :])
    options = read_options(parsed)
    assert (options.bootstrap, options.topic) == (SALES.bootstrap, SALES.topic)
    assert (options.currencies, options.seconds) == (SALES.currencies, Fraction(30))
    assert (options.result, options.labels) == (Path("r.json"), None)
    assert read_live(parsed) == LiveOptions(100, 2.5, 0.0005)


def test_page_shows_what_a_person_may_change() -> None:
    """Only the sales of each user and the share of anomalies are on the page."""
    parser = LocustArgumentParser()
    add_options(parser)
    shown = parser.args_included_in_web_ui
    assert {"sales_per_user", "anomaly_rate"} <= shown.keys()
    assert not {"bootstrap", "seed", "result", "for_seconds", "labels"} & shown.keys()


@pytest.mark.parametrize(
    "live",
    [
        LiveOptions(100, 0, 0.1),
        LiveOptions(100, -1, 0.1),
        LiveOptions(100, 0.0005, 0.1),
        LiveOptions(100, 3_000, 0.1),
        LiveOptions(100, float("nan"), 0),
        LiveOptions(100, 1, 0.6),
        LiveOptions(100, 1, -0.1),
    ],
)
def test_values_of_the_page_are_checked(live: LiveOptions) -> None:
    """Locust's page accepts any number; the rate has the limits of the command line."""
    assert live.problem


def test_a_rate_out_of_range_is_answered_with_the_range() -> None:
    """It is the message of the command line and of the live page."""
    assert LiveOptions(100, 1.5, 0).problem == ""
    assert LiveOptions(100, 3_000, 0).problem == (
        "The rate must be from 0.1 to 200,000 sales a second, not 300000 "
        "(100 users with 3000 sales a second each)."
    )


def test_good_run_is_valid() -> None:
    """All acknowledged, at the rate asked for."""
    assert LOAD.valid
    assert LOAD.reasons == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"failed": 2, "acked": 98}, "2 of 100 sales failed"),
        ({"acked": 99}, "only 99 of 100"),
        ({"achieved_rate": 9.8}, "fell behind: 9.8 of 10"),
    ],
)
def test_bad_run_says_why(change: dict[str, float], reason: str) -> None:
    """A lost sale or a slow generator makes the run invalid, in words."""
    result = msgspec.structs.replace(LOAD, **change)
    assert not result.valid
    assert reason in "; ".join(result.reasons)


def test_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    """The file keeps everything."""
    LOAD.write(tmp_path / "r.json")
    assert LoadResult.read(tmp_path / "r.json") == LOAD


def test_missing_or_broken_result_is_a_load_error(tmp_path: Path) -> None:
    """The command prints one sentence."""
    with pytest.raises(LoadError, match="left no result"):
        LoadResult.read(tmp_path / "none.json")
    (tmp_path / "half.json").write_text('{"intended": 1')
    with pytest.raises(LoadError, match="left no result"):
        LoadResult.read(tmp_path / "half.json")
