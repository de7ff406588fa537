"""Every scenario by its command. A module is imported only when its command is used."""

from __future__ import annotations

import pkgutil
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spaf.bench.scenario import Scenario


class RegisteredScenario(NamedTuple):
    """A scenario that is not imported yet."""

    target: str
    """`package.module:class`."""
    summary: str
    """The first paragraph of its docstring."""


SCENARIOS = {
    "chaos": RegisteredScenario(
        "spaf.chaos.scenario:ChaosScenario",
        "Make faults in a run of its own, under load; time to current rows, and a proof of each.",
    ),
    "bench recovery": RegisteredScenario(
        "spaf.chaos.recovery:RecoveryScenario",
        "Make the same faults again and again under load; time to current rows and standing still.",
    ),
    "bench rates": RegisteredScenario(
        "spaf.bench.run.rates:RatesScenario",
        "Sell at each rate in turn; verify all; latency of every sale, memory and processor time.",
    ),
    "bench first-minute": RegisteredScenario(
        "spaf.bench.run.first_minute:FirstMinuteScenario",
        "Start a new run, and measure every sale of its first minute, the first sale included.",
    ),
    "bench sustain": RegisteredScenario(
        "spaf.bench.sustain.sustain:SustainScenario",
        "Search for the highest rate that holds: p99 within a limit, and a lag that does not grow.",
    ),
    "bench drain": RegisteredScenario(
        "spaf.bench.throughput.drain_tables:DrainScenario",
        "Fill a topic, then run the whole job over it into PostgreSQL, and verify every row.",
    ),
    "bench peers": RegisteredScenario(
        "spaf.bench.peers.peers:PeersScenario",
        "Run the same aggregation by other programs and by ours; verify and compare them.",
    ),
    "bench start": RegisteredScenario(
        "spaf.bench.start.start:StartScenario",
        "Start `spaf demo` in new and used run folders; time to the first true row and to the "
        "page.",
    ),
    "bench scale": RegisteredScenario(
        "spaf.bench.scale.scale:ScaleScenario",
        "Measure cost, latency and memory as one factor grows tenfold and more, the others fixed.",
    ),
    "bench tuning": RegisteredScenario(
        "spaf.bench.tuning.tuning:TuningScenario",
        "Change one setting of Flink, Kafka's client, Java or PostgreSQL at a time; latency and "
        "cost.",
    ),
    "bench verify": RegisteredScenario(
        "spaf.bench.throughput.verify_speed:VerifySpeedScenario",
        "Fill a topic, then time each stage of a verification of it; the job does not run.",
    ),
    "bench capacity": RegisteredScenario(
        "spaf.bench.throughput.capacity:CapacityScenario",
        "Measure what bounds a larger run besides the job: rows, notifying commits, the page's "
        "reader.",
    ),
    "bench detection-delay": RegisteredScenario(
        "spaf.bench.detection.live:DetectionDelayScenario",
        "Sell with anomalies through the whole stack; measure how soon each alert is in "
        "PostgreSQL.",
    ),
    "bench page screen": RegisteredScenario(
        "spaf.bench.page.screen:ScreenScenario",
        "Sell with the page open in headless Chromium; latency from each sale to its paint.",
    ),
    "bench page viewers": RegisteredScenario(
        "spaf.bench.page.viewers:ViewersScenario",
        "Compare the latency to PostgreSQL with many viewers of the page and without any.",
    ),
    "bench page weight": RegisteredScenario(
        "spaf.bench.page.weight:WeightScenario",
        "Open the page in new tabs under load; size of the first load, time to the first number.",
    ),
    "bench page history": RegisteredScenario(
        "spaf.bench.page.history:HistoryScenario",
        "Load 24 hours of seconds, then open the page and time its chart of 24 hours.",
    ),
    "bench page hour": RegisteredScenario(
        "spaf.bench.page.hour:HourScenario",
        "Keep the page open under load; growth of the memory of its tab and of its server.",
    ),
    "prove differential": RegisteredScenario(
        "spaf.bench.agreement.differential:DifferentialScenario",
        "Send hostile records through the real job and through spaf.sale, and compare each.",
    ),
    "prove replay": RegisteredScenario(
        "spaf.bench.agreement.replay:ReplayScenario",
        "Replay one log with other parallelism, mini-batches and a killed TaskManager; compare.",
    ),
    "prove power-cut": RegisteredScenario(
        "spaf.chaos.power:PowerCutScenario",
        "Cut the power of a disk while sales are acknowledged, start from it, look for each sale.",
    ),
    "prove detection": RegisteredScenario(
        "spaf.bench.detection.labelled:DetectionScenario",
        "Score the job's anomaly rules on simulated sales with known anomalies; needs no stack.",
    ),
    "prove harder-cases": RegisteredScenario(
        "spaf.bench.detection.harder:HarderScenario",
        "Score the job's anomaly rules on harder simulated sales; needs no stack.",
    ),
    "prove false-alerts": RegisteredScenario(
        "spaf.bench.detection.labelled:FalseAlertsScenario",
        "Count the alerts of the job's rules on simulated sales without anomalies; needs no stack.",
    ),
    "prove self-test": RegisteredScenario(
        "spaf.bench.selftest.selftest:SelfTestScenario",
        "Verify the verifier: damage correct tables in every way, and expect each to be caught.",
    ),
}
GROUPS = {
    "bench": "Measure: latency, throughput, the live page, detection delay.",
    "bench page": "Measure the live page in headless Chromium.",
    "prove": "Prove: agreement of two programs, determinism, detection quality, the verifier.",
}


def children(group: str) -> list[str]:
    """Return the names of the commands and groups directly in a group, in order."""
    prefix = f"{group} "
    names = [name.removeprefix(prefix) for name in SCENARIOS if name.startswith(prefix)]
    return list(dict.fromkeys(name.partition(" ")[0] for name in names))


def name_of(scenario: type[Scenario]) -> str:
    """Return the command of a scenario; the name of its class if it has none."""
    target = f"{scenario.__module__}:{scenario.__qualname__}"
    names = (name for name, entry in SCENARIOS.items() if entry.target == target)
    return next(names, scenario.__name__)


def load(name: str) -> type[Scenario]:
    """Import and return a scenario by its command, such as `bench rates`."""
    scenario: type[Scenario] = pkgutil.resolve_name(SCENARIOS[name].target)
    return scenario
