"""One kind of anomaly more, in a process whose package is a copy with that kind.

Standard output: one JSON object with what each part of the package makes of the kind.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from spaf.cli.terminal.dashboard import kind_name
from spaf.generate.anomalies.ground_truth import SALE_ALERTS
from spaf.job import build
from spaf.sale import Record, Rules
from spaf.sale.anomaly_kinds import NAMES
from spaf.settings import JobSettings, SaleSettings, Settings
from spaf.verify import Detection, PythonOracle, compare, disagreements, duckdb_oracle
from spaf.verify.damage import DAMAGES
from spaf.verify.dump import Dump, DumpHeader
from spaf.verify.render import tables_of

APPEND_MS = 1_763_800_000_000
# Price and quantity: twenty usual sales, then one whose amount alone is unusual.
SALES = [(10.0, 1), (20.0, 1)] * 10 + [(70.0, 5)]


def rows() -> Iterator[dict[str, object]]:
    """Yield the sales, with their place in the log."""
    for offset, (price, quantity) in enumerate(SALES):
        yield {
            "kafka_partition": 0,
            "kafka_offset": offset,
            "append_ms": APPEND_MS + offset,
            "productId": "p",
            "productCategory": "books",
            "productPrice": price,
            "productQuantity": quantity,
        }


def main() -> None:
    """Print what becomes of the sales."""
    rules, job = Rules.of(SaleSettings()), JobSettings()
    detection = Detection(
        job.outlier_hours, job.outlier_score, job.surge_seconds, job.surge_score, ("books",)
    )
    records = [
        Record(0, offset, APPEND_MS + offset, json.dumps(row).encode())
        for offset, row in enumerate(rows())
    ]
    end = {0: len(records)}
    oracle = PythonOracle(rules, end, detection)
    oracle.feed(records)
    python = oracle.answers()
    with TemporaryDirectory() as folder:
        dump = Dump(Path(folder))
        dump.write(0, 0, records)
        dump.write_header(DumpHeader("t", {}, end, rules, detection))
        duckdb = duckdb_oracle.recompute(dump, end, 1)
    tables = tables_of(python)
    parameters = build.JobParameters.of(Settings(), ("books",))
    answer = {
        "python": [[*key, *alert] for key, alert in python.outliers.items()],
        "duckdb": [[*key, *alert] for key, alert in duckdb.outliers.items()],
        "disagreements": len(disagreements(python, duckdb)),
        "exact": compare(python, tables).exact,
        "damages": len(DAMAGES),
        "alerts": SALE_ALERTS,
        "names": NAMES,
        "terminal": {kind: kind_name(kind) for kind in SALE_ALERTS},
        "rows": list(rows()),
        "views": list(build.statements(parameters, build.VIEWS)),
    }
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
