"""Latency, exactness and cost at several rates, one after the other on one stack."""

from __future__ import annotations

from collections.abc import Callable

from spaf import clock
from spaf.bench.run.load import Load, offered
from spaf.bench.run.outcome import Measurement, Outcome
from spaf.measure.screen import Screen
from spaf.stack.run import Run

Tell = Callable[[str], None]


def measure_rate(
    session: Run, rate: float, seconds: float, tell: Tell, screen: Screen | None = None
) -> Outcome:
    """Sell at one rate for so long, then verify everything and measure every sale.

    With a screen, each sale is measured there too; its browser is ended when the load is.

    Raises:
        LoadError: the load left no result.
        SpafError: the run could not be verified.

    """
    with Measurement.start(session, screen) as measurement:
        load = Load(session, offered(session), rate=rate, seconds=seconds)
        began = clock.monotonic()
        while not load.done:
            measurement.sampler.look_now_and_then()
            tell(f"{rate:g} sales/s, {clock.monotonic() - began:.0f} of {seconds:.0f} s")
            clock.sleep(0.1)
        tell(f"{rate:g} sales/s, verifying")
        return measurement.finish(load.result())
