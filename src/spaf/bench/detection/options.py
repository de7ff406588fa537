"""Options that the scenarios of detection have in common."""

from __future__ import annotations

from spaf.bench.scenario import option

ANOMALY_RATE_OPTION = option("Share of anomalous sales.", ge=0, le=0.5)
EPISODE_EVERY_OPTION = option("Seconds between two episodes on average.", ge=1, le=86_400)
