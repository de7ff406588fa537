"""A process that runs SQL over files: no cluster, no broker, no database.

It is a process of its own because PyFlink leaves a JVM behind. Each line of standard input is one
JSON list of statements, run in a table environment of their own, in batch; the INSERTs among them
run together, in one job, once all others were registered. The answer is a line: `{}` when all is
written, or `{"error": ...}`.
"""

from __future__ import annotations

import json
import sys

from spaf.job.submit import root_cause, table_environment

# One thread keeps the rows of a file in their order; UTC because every stamp is.
OPTIONS = {"table.local-time-zone": "UTC", "parallelism.default": "1"}
# Works for minutes over millions of rows: the second compiler pays, unlike for a plan.
JVM_OPTIONS = ("-XX:TieredStopAtLevel=4", "-Xmx1200m")


def run(statements: list[str]) -> None:
    """Run statements over and into files."""
    environment = table_environment(OPTIONS, streaming=False)
    inserts = environment.create_statement_set()
    for statement in statements:
        if statement.startswith("INSERT"):
            inserts.add_insert_sql(statement)
        else:
            environment.execute_sql(statement)
    inserts.execute().wait()


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        answer = {}
        try:
            run(json.loads(line))
        except Exception as error:  # noqa: BLE001 - whatever Java throws becomes the answer
            answer = {"error": root_cause(error)}
        # PyFlink itself prints to standard output now and then: the mark tells our lines.
        sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
        sys.stdout.flush()


# What a line of ours begins with.
MARK = "spaf: "

if __name__ == "__main__":
    main()
