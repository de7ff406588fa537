"""What is kept of single sales gives each step, each latency and the quantiles of all."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from spaf.bench.results.folder import create, write_arrays
from spaf.bench.results.sales import MAX_SALES, SHARES, of_valid, sale_columns
from spaf.measure.latency import Stamps


def sold(sales: int, *, visible_us: int = 6_000) -> Stamps:
    """Return sales that are due each millisecond."""
    due = 1_796_000_000_000_000 + np.arange(sales, dtype=np.int64) * 1_000
    late = np.arange(sales, dtype=np.int64) % 100
    return Stamps(due, due + late, due + 1_000, due + 4_000, due + visible_us + late, 0)


def test_the_steps_of_a_sale_add_up_to_its_latency() -> None:
    """In PostgreSQL and on the screen."""
    store, screen = sold(200), sold(200, visible_us=20_000)
    kept = sale_columns(store, screen)
    steps = ("due_sent", "sent_appended", "appended_written", "written_visible")
    latency = sum(kept[f"{step}_us"].astype(np.int64) for step in steps)
    assert np.array_equal(latency, store.visible - store.intended)
    painted = latency + kept["visible_received_us"] + kept["received_painted_us"]
    assert np.array_equal(painted, screen.visible - screen.intended)
    assert (int(kept["every"]), kept["due_us"].size) == (1, 200)
    assert "received_painted_us" not in sale_columns(store)


def test_many_sales_are_thinned_and_their_quantiles_are_not() -> None:
    """The slowest of all is in the quantiles, whichever sales are kept."""
    store = sold(2 * MAX_SALES + 1)
    store.visible[7] += 1_000_000
    kept = sale_columns(store)
    assert (int(kept["every"]), kept["due_us"].size) == (3, 2 * MAX_SALES // 3 + 1)
    assert kept["store_quantiles_us"].size == SHARES.size + 1
    assert kept["store_quantiles_us"][-1] == 1_006_007
    assert kept["store_quantiles_us"][10] == np.quantile(
        store.visible - store.intended, SHARES[10], method="inverted_cdf"
    )
    assert sale_columns(sold(0))["store_quantiles_us"].size == 0


def test_a_minute_at_each_rate_stays_small(tmp_path: Path) -> None:
    """Twenty-one of these, the largest there are, fit below 10 MB with all the rest."""
    generator = np.random.default_rng(1)
    store = sold(MAX_SALES)
    jitter = generator.exponential(2_000, (3, MAX_SALES)).astype(np.int64)
    sent = store.intended + jitter[0]
    appended = (sent + jitter[1]) // 1_000 * 1_000
    hostile = Stamps(
        store.intended, sent, appended, appended + 2_000, appended + 2_000 + jitter[2], 0
    )
    folder = tmp_path / "r"
    create(folder)
    file = write_arrays(folder, "sales.npz", sale_columns(hostile))
    assert file.bytes < 450_000


def test_sales_of_an_invalid_interval_are_left_out() -> None:
    """A file of samples has no intervals, and stays as it is."""
    good, bad = sale_columns(sold(3)), sale_columns(sold(3), valid=False)
    file = {f"100-1/{name}": values for name, values in good.items()}
    file |= {f"100-2/{name}": values for name, values in bad.items()}
    file["kafka/cpu_cores"] = np.zeros(2)
    assert {name.partition("/")[0] for name in of_valid(file)} == {"100-1", "kafka"}
