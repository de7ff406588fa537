"""The process that plans the job and submits it to a cluster.

It is a process of its own because PyFlink starts a JVM that is needed only for seconds. It starts
before the cluster does: the JVM and the plan take as long as everything else together.

It reads two lines from standard input: a `SubmitRequest` as JSON, and, once topic, tables and
cluster exist, the line `go`. It writes one line: `{"job_id": ...}` or `{"error": ...}`.

A request with `graph` names no cluster: the process keeps the graph of the job in files and ends,
without waiting for `go`, with `{"job_id": ""}`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from spaf.files import write_atomically
from spaf.job import job_graph
from spaf.job.build import JobParameters, register, register_tables
from spaf.job.recorder import LOOPBACK, Recorder
from spaf.tls import without_secrets

if TYPE_CHECKING:
    from pyflink.table import CompiledPlan, TableEnvironment

GO = "go"
# The process plans once and ends: the second compiler and parallel collectors would cost more than
# they gain. The jars were checked by hash, so their bytecode is not verified again.
JVM_OPTIONS = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xms512m -Xmn320m -Xmx640m "
    "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
)


@dataclass(frozen=True)
class SubmitRequest:
    """What to submit, and to which cluster."""

    host: str
    port: int
    options: dict[str, str]
    parameters: JobParameters
    # Jars that are uploaded with the job, for a cluster without the connectors.
    jars: tuple[str, ...]
    # File of the compiled plan; its name is a hash of everything that the plan depends on.
    plan: str
    # Flink's options of its client, besides host and port: path and certificates.
    rest: dict[str, str] = field(default_factory=dict)
    # What no message of Flink may repeat.
    secrets: tuple[str, ...] = ()
    # Statements of another job, run instead of the plan; the last one is its INSERT.
    statements: tuple[str, ...] = ()
    # Where to keep the graph of the job instead of submitting it.
    graph: str = ""

    def line(self) -> str:
        """Return the request as the line that this process reads."""
        # ASCII, so that the locale of the process does not matter.
        return json.dumps(msgspec.to_builtins(self))


def environment(java_home: str, flink_home: str, archive: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment that a process needs to use PyFlink's Table API.

    `archive` are the options of the JVM for its class-data archive.

    `_python_worker_execution_mode` keeps PyFlink from importing Apache Beam, which only Python
    functions need. It is private to PyFlink 2.3.0, whose version is pinned for it.
    """
    return {
        "_python_worker_execution_mode": "process",
        "JAVA_HOME": java_home,
        "FLINK_HOME": flink_home,
        # Otherwise the name of the account, which a container may lack.
        "FLINK_IDENT_STRING": "spaf",
        "JVM_ARGS": " ".join([JVM_OPTIONS, *archive]),
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


def submit(request: SubmitRequest, wait_for_go: Callable[[], None]) -> str:
    """Plan the job, wait, submit it, and return its id."""
    options = {
        **request.options,
        "execution.target": "remote",
        "rest.address": request.host,
        "rest.port": str(request.port),
        **request.rest,
    }
    if request.jars:
        options["pipeline.jars"] = ";".join(request.jars)
    environment = table_environment(options)
    if request.statements:
        return _submit_statements(environment, request.statements, wait_for_go)
    plan = _planned(environment, request.parameters, Path(request.plan))
    wait_for_go()
    # Through Java, because PyFlink 2.3.0 cannot execute a plan that it has loaded.
    client = plan._j_compiled_plan.execute().getJobClient().get()  # noqa: SLF001
    return str(client.getJobID())


def _submit_statements(
    environment: TableEnvironment, statements: Sequence[str], wait_for_go: Callable[[], None]
) -> str:
    """Run statements, the last one after the signal, and return the id of its job."""
    *tables, insert = statements
    for statement in tables:
        environment.execute_sql(statement)
    wait_for_go()
    return str(environment.execute_sql(insert).get_job_client().get_job_id())


def keep_graph(request: SubmitRequest) -> str:
    """Keep the graph of the job, as Flink's client would hand it over, in the files of the request.

    The client sends the graph of the operators; a cluster turns it into that of the tasks, which
    takes its cold JVM two seconds. That is done here too. Returns the id of no job.

    Raises:
        OSError: a file could not be written.

    """
    from pyflink.java_gateway import get_gateway  # noqa: PLC0415 - see table_environment

    with Recorder() as recorder:
        submit(replace(request, host=LOOPBACK, port=recorder.port), lambda: None)
    jvm = get_gateway().jvm
    loader = jvm.java.lang.Thread.currentThread().getContextClassLoader()
    plan = jvm.org.apache.flink.util.InstantiationUtil.deserializeObject(recorder.plan(), loader)
    threads = jvm.java.util.concurrent.Executors.newSingleThreadExecutor()
    plan.deserializeUserDefinedInstances(loader, threads)
    threads.shutdown()
    job_id = jvm.org.apache.flink.api.common.JobID.fromHexString(job_graph.BLANK_ID)
    graph = plan.getJobGraph(loader, job_id)
    settings = jvm.org.apache.flink.runtime.jobgraph.SavepointRestoreSettings
    # As `spaf.job.configuration` has it: no state is left out, and SPAF deletes the checkpoint.
    keeps = jvm.org.apache.flink.core.execution.RecoveryClaimMode.NO_CLAIM
    resumed = settings.forPath(job_graph.BLANK_RESUME, False, keeps)  # noqa: FBT003 - a Java call
    for resumes, start in ((False, settings.none()), (True, resumed)):
        graph.setSavepointRestoreSettings(start)
        content = jvm.org.apache.flink.util.InstantiationUtil.serializeObject(graph)
        job_graph.write(job_graph.file_of(Path(request.graph), resumes=resumes), content)
    return ""


def _planned(environment: TableEnvironment, parameters: JobParameters, file: Path) -> CompiledPlan:
    """Return the compiled plan: from its file, or compiled now and written to the file.

    The optimizer takes several seconds of processor time while every service starts. The plan
    names tables without their options, so it holds no address and no password.
    """
    from pyflink.table import PlanReference  # noqa: PLC0415 - see table_environment

    if file.exists():
        register_tables(environment, parameters)
        return environment.load_plan(PlanReference.from_file(str(file)))
    plan = register(environment, parameters).compile_plan()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, plan.as_json_string().encode(), durable=True)
    return plan


def main() -> int:
    """Serve one request on standard input and output."""
    request = msgspec.json.decode(sys.stdin.readline(), type=SubmitRequest)

    def wait_for_go() -> None:
        if sys.stdin.readline().strip() != GO:
            os._exit(0)  # the parent is gone; PyFlink's JVM ends with its pipe

    try:
        job_id = keep_graph(request) if request.graph else submit(request, wait_for_go)
        answer = {"job_id": job_id}
    except Exception as error:  # noqa: BLE001 - whatever Java throws becomes the answer
        answer = {"error": without_secrets(root_cause(error), *request.secrets)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    return 0 if "job_id" in answer else 1


def root_cause(error: Exception) -> str:
    """Return the last cause of a Java stack trace; its first lines name only the wrapper."""
    causes = [line for line in str(error).splitlines() if line.startswith("Caused by: ")]
    first = str(error).strip().splitlines()
    return causes[-1].removeprefix("Caused by: ") if causes else (first or [repr(error)])[0]


if __name__ == "__main__":
    sys.exit(main())
