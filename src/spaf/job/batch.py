"""A process that runs SQL over files: no cluster, no broker, no database.

It is a process of its own because PyFlink leaves a JVM behind. Each line of standard input is a
JSON list of statements, run in a table environment of their own, in batch. The INSERTs among them
run together, in one job, after all others. The answer is one line: `{}` when all rows are written,
or `{"error": ...}`.
"""

from __future__ import annotations

import json
import re
import sys

from spaf.job.submit import root_cause, table_environment

# One thread keeps the rows of a file in order. Every timestamp is in UTC.
OPTIONS = {"table.local-time-zone": "UTC", "parallelism.default": "1"}
# It works for minutes over millions of rows, so the second compiler pays, unlike for a plan.
JVM_OPTIONS = ("-XX:TieredStopAtLevel=4", "-Xmx1200m")


# An INSERT below the comment at the head of its file.
INSERT = re.compile(r"(?:\s*--.*\n)*\s*INSERT\b")


def run(statements: list[str]) -> None:
    """Run statements over and into files."""
    environment = table_environment(OPTIONS, streaming=False)
    inserts = environment.create_statement_set()
    for statement in statements:
        if INSERT.match(statement):
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
        except Exception as error:  # noqa: BLE001 - every Java exception becomes the answer
            answer = {"error": root_cause(error)}
        # PyFlink itself sometimes prints to standard output: the mark identifies our lines.
        sys.stdout.write(f"\n{MARK}{json.dumps(answer)}\n")
        sys.stdout.flush()


# Prefix of the lines of this process.
MARK = "spaf: "

if __name__ == "__main__":
    main()
