"""A corpus of labelled series: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spaf.bench.detection.corpus import CorpusFile, published_scores, read_corpus
from spaf.bench.detection.labelled_series import SeriesResult
from spaf.bench.detection.nab import LabelledSeries
from spaf.errors import SettingsError
from tests.support.corpus import write_corpus

NAMES = ("real/level.csv", "count/visits.csv")


def test_a_corpus_is_read(tmp_path: Path) -> None:
    """Rows, windows by row, whole numbers as counts, the hour in the time stamp's own zone."""
    places = write_corpus(tmp_path, NAMES, 100)
    count, level = read_corpus(tmp_path)
    assert (count.name, level.name) == ("count/visits.csv", "real/level.csv")
    place = places[count.name]
    assert count.labels == LabelledSeries(100, ((place - 4, place + 15),))
    assert [point.events for point in (count.points[0], level.points[0])] == [
        count.points[0].value,
        0.0,
    ]
    assert count.points[12].epoch_s - count.points[0].epoch_s == 3_600
    assert count.points[0].epoch_s % 86_400 == 0


def test_the_halves_depend_on_the_name_only() -> None:
    """The folder does not count."""

    def half(name: str) -> bool:
        return CorpusFile(name, (), LabelledSeries(0, ())).held_out

    names = [f"{number}.csv" for number in range(200)]
    assert all(half(name) == half(f"a/b/{name}") for name in names)
    assert 60 < sum(map(half, names)) < 140


def test_published_scores_are_computed_again(tmp_path: Path) -> None:
    """From the results of another detector; a difference is a reason to fail."""
    places = write_corpus(tmp_path, NAMES, 100)
    corpus = read_corpus(tmp_path)
    assert list(published_scores(tmp_path, corpus)) == []
    profiles = ("standard", "reward_low_FP_rate", "reward_low_FN_rate")
    for name in NAMES:
        scores = [1.0 if row == places[name] - 4 else 0.0 for row in range(100)]
        path = tmp_path / "results" / "perfect" / Path(name).parent / f"perfect_{Path(name).name}"
        path.parent.mkdir(parents=True)
        path.write_text("anomaly_score,label\n" + "".join(f"{score},0\n" for score in scores))
    final = tmp_path / "results" / "final_results.json"
    final.write_text(json.dumps({"perfect": dict.fromkeys(profiles, 100.0)}))
    (tmp_path / "config").mkdir()
    thresholds = {"perfect": {profile: {"threshold": 0.5} for profile in profiles}}
    (tmp_path / "config" / "thresholds.json").write_text(json.dumps(thresholds))
    published = list(published_scores(tmp_path, corpus))
    assert [round(one.computed, 6) for one in published] == [100.0] * 3

    final.write_text(json.dumps({"perfect": dict.fromkeys(profiles, 99.0)}))
    wrong = list(published_scores(tmp_path, corpus))
    result = SeriesResult(str(tmp_path), 4.8, {}, wrong)
    assert len(result.reasons) == 3
    assert "published 99.000, computed 100.000" in result.reasons[0]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("labels/combined_windows.json", None, "needs a folder with data/"),
        ("labels/combined_windows.json", "no json", "needs a folder with data/"),
        ("labels/combined_windows.json", "{}", "no file has labels"),
        ("data/real/level.csv", None, "cannot be read"),
        ("data/real/level.csv", "time,number\n1,2\n", "It needs timestamp,value"),
        ("data/real/level.csv", "timestamp,value\nyesterday,2\n", "yesterday"),
        ("data/real/level.csv", "timestamp,value\n2026-03-02 00:00:00,many\n", "many"),
        ("data/real/level.csv", "timestamp,value\n2020-03-02 00:00:00,1\n", "no row in one of"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, file: str, content: str | None, said: str
) -> None:
    """The file, and what is wrong with it."""
    write_corpus(tmp_path, NAMES[:1], 100)
    if content is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_text(content)
    with pytest.raises(SettingsError) as error:
        read_corpus(tmp_path)
    assert Path(file).name in str(error.value)
    assert said in str(error.value)
