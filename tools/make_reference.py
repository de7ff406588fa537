"""Measure results/reference anew: the records that every public figure comes from.

    python tools/make_reference.py [--quick] [NAME ...]

All of it takes two hours on two cores, --quick half an hour; nothing else may use the machine. A
record replaces the old one only if its run is valid; one repeat of many may be invalid, and names
its reason.
"""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from spaf.bench.results.folder import stored
from spaf.report.records import REFERENCE

ROOT = Path(__file__).resolve().parents[1]
SPAF = Path(sys.executable).with_name("spaf")
# Where a run writes until it is known to be valid.
NEW = REFERENCE.with_name("new")


class Measured(NamedTuple):
    """A record of the reference: the scenario, and the options of the short way."""

    scenario: str
    options: str = ""
    quick: str = ""


RECORDS = {
    "start": Measured("bench start"),
    "rates": Measured(
        "bench rates",
        "--no-screen",
        "--no-screen --for 30s --repeats 1",
    ),
    # The rates of the goals of the generator, and the one that no more than holds.
    "high-rates": Measured(
        "bench rates",
        "--no-screen --rates 1000,10000,20000,50000 --for 20s --repeats 3",
        "--no-screen --rates 1000,10000,20000,50000 --for 20s --repeats 1",
    ),
    "first-minute": Measured("bench first-minute", "--screen", "--screen --repeats 1"),
    "quick": Measured("bench rates", "--quick"),
    # The first minute of a run at 100 sales/s, and the second one.
    "screen": Measured(
        "bench page screen", "--rates 100,101,10,50,1000", "--rates 100,101,10,50 --for 60s"
    ),
    # One search with each parallelism: less than 14 minutes.
    "sustain": Measured(
        "bench sustain",
        "--parallelism 1,2 --repeats 1 --precision 0.2 --start 16000",
        "--quick --parallelism 1,2",
    ),
    "drain": Measured("bench drain", "--drains 3"),
    "peers": Measured("bench peers", quick="--quick"),
    "verify": Measured("bench verify", "--events 10000000"),
    "capacity": Measured("bench capacity"),
    "detection": Measured("prove detection"),
    "scale": Measured("bench scale", quick="--quick"),
    "tuning": Measured("bench tuning", quick="--quick"),
}


def main() -> int:
    """Measure the named records, or all; exit code 1 if one is not valid."""
    quick = "--quick" in sys.argv
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(RECORDS)
    unknown = [name for name in names if name not in RECORDS]
    if unknown:
        print(f"There is no record {unknown[0]}; there are {', '.join(RECORDS)}.")
        return 2
    failed = [name for name in names if not measure(name, RECORDS[name], quick=quick)]
    if failed:
        print(f"Not renewed: {', '.join(failed)}. The records of before are still there.")
    return 1 if failed else 0


def measure(name: str, wanted: Measured, *, quick: bool) -> bool:
    """Measure one record, and put it in the place of the old one; return whether it is valid."""
    options = wanted.quick if quick and wanted.quick else wanted.options
    command = [*wanted.scenario.split(), *options.split()]
    print(f"spaf {' '.join(command)}", flush=True)
    shutil.rmtree(NEW / name, ignore_errors=True)
    subprocess.run([SPAF, *command, "--results", NEW / name], cwd=ROOT, check=False)
    record = next((one.record for one in stored(NEW) if one.folder == NEW / name), None)
    valid = record is not None and record.validity.valid
    if valid:
        shutil.rmtree(REFERENCE / name, ignore_errors=True)
        REFERENCE.mkdir(parents=True, exist_ok=True)
        (NEW / name).rename(REFERENCE / name)
    return valid


if __name__ == "__main__":
    sys.exit(main())
