"""`spaf chaos`: faults under load, each followed by a proof."""

from __future__ import annotations

from spaf.chaos.scenario import ChaosScenario
from spaf.cli.scenario.command import command

chaos = command(ChaosScenario)
