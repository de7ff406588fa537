"""Collect records of faults in results/faults, without their samples.

The folder that is named holds a folder a record of `spaf chaos` or of `spaf prove power-cut`, as
`--results FOLDER/NAME` leaves it. Each one that has a result is taken, also one in which a fault
was not survived; it replaces that of its name. Printed is how often each kind was made in all that
are there now.
"""

import argparse
import sys
from pathlib import Path

import msgspec

from spaf.bench.results.folder import stored, write
from spaf.chaos import runbook
from spaf.report.records import FAULTS

SCENARIOS = (runbook.SCENARIO, "prove power-cut")


def main() -> int:
    """Collect the records of the folder; exit code 1 if it has none."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="holds a folder a record")
    taken = collect(parser.parse_args().folder, FAULTS)
    print(f"{len(taken)} records taken: {', '.join(taken)}.")
    print(runbook.counted(runbook.recorded(FAULTS)))
    return 0 if taken else 1


def collect(source: Path, target: Path) -> list[str]:
    """Copy each record of faults that has a result, without its samples; return their names."""
    taken = []
    for result in stored(source):
        record = result.record
        if record is None or record.scenario not in SCENARIOS or record.result is None:
            print(f"{result.folder} is left out: {result.problem or 'no result of faults'}")
            continue
        folder = target / result.folder.name
        folder.mkdir(parents=True, exist_ok=True)
        write(folder, msgspec.structs.replace(record, files={}))
        taken.append(result.folder.name)
    return taken


if __name__ == "__main__":
    sys.exit(main())
