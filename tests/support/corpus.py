"""A small corpus of labelled series, in the form of the Numenta Anomaly Benchmark."""

from __future__ import annotations

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

BEGINNING = datetime(2026, 3, 2)  # noqa: DTZ001 - the files have no zone


def values(name: str, rows: int) -> list[float]:
    """Return the values of a series: counts with a daily cycle, or levels."""
    rng = random.Random(name)  # noqa: S311 - a simulation
    if name.startswith("count"):
        cycle = [20 if number // 12 % 24 < 12 else 200 for number in range(rows)]
        return [float(rng.randint(usual - 5, usual + 5)) for usual in cycle]
    return [round(50 + rng.gauss(0, 2), 3) for _ in range(rows)]


def write_corpus(folder: Path, names: tuple[str, ...], rows: int) -> dict[str, int]:
    """Write a corpus with one anomaly a file, a row every five minutes; return its row by name."""
    labels, places = {}, {}
    for name in names:
        series = values(name, rows)
        place = rows * 2 // 3 + len(name)
        series[place : place + 3] = [series[place] * 4 + 100] * 3
        times = [BEGINNING + timedelta(minutes=5 * number) for number in range(rows)]
        file = folder / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{time},{value}" for time, value in zip(times, series, strict=True))
        file.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
        window = [str(times[place - 4]) + ".000000", str(times[place + 15]) + ".000000"]
        labels[name], places[name] = [window], place
    (folder / "labels").mkdir()
    (folder / "labels" / "combined_windows.json").write_text(json.dumps(labels))
    return places
