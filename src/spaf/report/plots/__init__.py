"""The plots of report and talk, as SVG, in one style for paper and for colour-blind eyes.

Each takes the figures and the language, and returns the text of an SVG element. A figure that is
missing raises `FigureError`: the caller shows its reason in place of the plot.
"""

from __future__ import annotations

from collections.abc import Callable

from spaf.report.figures import Figures
from spaf.report.language import Language
from spaf.report.plots.cost import cost, growth, throughput
from spaf.report.plots.detection import detection
from spaf.report.plots.latency import latency, quantiles, through_time
from spaf.report.plots.peers import peers
from spaf.report.plots.recovery import recovery
from spaf.report.plots.sustained import sustained
from spaf.report.plots.tuning import tuning

PLOTS: dict[str, Callable[[Figures, Language], str]] = {
    "latency": latency,
    "quantiles": quantiles,
    "through_time": through_time,
    "sustained": sustained,
    "throughput": throughput,
    "cost": cost,
    "detection": detection,
    "growth": growth,
    "peers": peers,
    "tuning": tuning,
    "recovery": recovery,
}
