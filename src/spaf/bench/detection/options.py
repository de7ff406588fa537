"""Options that the scenarios of detection have in common."""

from __future__ import annotations

from spaf.bench.scenario import option
from spaf.generate.rate import MAX_RATE, MIN_RATE

RATE_OPTION = option("Sales a second.", ge=MIN_RATE, le=MAX_RATE)
ANOMALY_RATE_OPTION = option("Share of anomalous sales.", ge=0, le=0.5)
EPISODE_EVERY_OPTION = option("Seconds between two episodes on average.", ge=1, le=86_400)
