"""The process that plans the job and hands it to a cluster.

It is a process of its own because PyFlink brings a JVM that is needed for seconds only, and it
starts before the cluster does: the JVM and the plan take as long as everything else together.

It reads one JSON object a line from standard input: first a `Request`, then, when topic, tables
and cluster are there, the line `go`. It answers with one line: `{"job_id": ...}` or
`{"error": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from spaf.job.build import Parameters, register

if TYPE_CHECKING:
    from pyflink.table import TableEnvironment

GO = "go"
# Plans once and ends: the second compiler and parallel collectors would cost more than they gain.
JVM_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xms128m -Xmx512m"


@dataclass(frozen=True)
class Request:
    """What to submit, where."""

    host: str
    port: int
    options: dict[str, str]
    parameters: dict[str, Any]
    # Jars that travel with the job, where the cluster has no connectors of its own.
    jars: tuple[str, ...]

    def line(self) -> str:
        """Return the request as the line that this process reads."""
        return json.dumps(asdict(self)) + "\n"


def environment(java_home: str, flink_home: str) -> dict[str, str]:
    """Return the environment that a process needs to use PyFlink's Table API.

    `_python_worker_execution_mode` keeps PyFlink from importing Apache Beam, which only Python
    functions need. It is private to PyFlink 2.3.0, whose version is pinned for it.
    """
    return {
        "_python_worker_execution_mode": "process",
        "JAVA_HOME": java_home,
        "FLINK_HOME": flink_home,
        "JVM_ARGS": JVM_OPTIONS,
    }


def table_environment(options: dict[str, str], *, streaming: bool = True) -> TableEnvironment:
    """Return a PyFlink table environment with these options."""
    from pyflink.common import Configuration  # noqa: PLC0415 - starts slowly, only needed here
    from pyflink.table import EnvironmentSettings, TableEnvironment  # noqa: PLC0415

    configuration = Configuration()
    for key, value in options.items():
        configuration.set_string(key, value)
    builder = EnvironmentSettings.new_instance().with_configuration(configuration)
    mode = builder.in_streaming_mode() if streaming else builder.in_batch_mode()
    return TableEnvironment.create(mode.build())


def submit(request: Request, wait_for_go: Any) -> str:
    """Plan the job, wait, hand it over, and return its id."""
    options = {
        **request.options,
        "execution.target": "remote",
        "rest.address": request.host,
        "rest.port": str(request.port),
    }
    if request.jars:
        options["pipeline.jars"] = ";".join(request.jars)
    inserts = register(table_environment(options), Parameters(**_with_tuples(request.parameters)))
    # Compiling apart from executing takes the optimizer out of the time after `go`.
    plan = inserts.compile_plan()
    wait_for_go()
    client = plan.execute().get_job_client()
    return str(client.get_job_id())


def main() -> int:
    """Serve one request on standard input and output."""
    request = Request(**_with_tuples(json.loads(sys.stdin.readline())))

    def wait_for_go() -> None:
        if sys.stdin.readline().strip() != GO:
            os._exit(0)  # whoever asked is gone; PyFlink's JVM ends with its parent's pipe

    try:
        answer = {"job_id": submit(request, wait_for_go)}
    except Exception as error:  # noqa: BLE001 - whatever Java throws becomes the answer
        answer = {"error": _root_cause(error)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 0 if "job_id" in answer else 1


def _with_tuples(fields: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}


def _root_cause(error: Exception) -> str:
    """Return the last cause of a Java stack trace; its first lines name only the wrapper."""
    causes = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
    first = str(error).strip().splitlines()
    return causes[-1].removeprefix("Caused by: ") if causes else (first or [repr(error)])[0]


if __name__ == "__main__":
    sys.exit(main())
