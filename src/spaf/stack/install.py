"""Set-up after pip: jars, which come from another registry, class-data archives, the job's plan.

Run as `python -m spaf.stack.install` by `make setup`. A step is skipped if its result exists, so an
interrupted set-up continues where it stopped. A jar gets its final name only after its hash was
checked: an incomplete download is never taken for a jar.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from requests import RequestException
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spaf import clock
from spaf.environment import PYTHON_OPTIONS
from spaf.errors import ServiceError, SetupError, SpafError
from spaf.files import write_atomically
from spaf.generate.locust.client import LocustClient
from spaf.job.job_graph import file_of
from spaf.job.submit import environment
from spaf.settings import KafkaSettings, Settings
from spaf.stack import control, kafka, process, runtime
from spaf.stack.class_archives import ARCHIVE_TIMEOUT_S, ARCHIVED
from spaf.stack.graph_submission import default_graph
from spaf.stack.ports import any_free_port
from spaf.stack.run import Run, running
from spaf.stack.service_names import LOCUST, TASKMANAGER
from spaf.stack.state import ServiceStatus
from spaf.stack.submission import Submission
from spaf.store import queries
from spaf.store.access import Role

DOWNLOADS_AT_ONCE = 8
# What is sold for the archives: long enough for closed windows and a checkpoint, seconds.
SALES_S = 8.0
SALES_A_SECOND = 100.0
COUNT_TIMEOUT_S = 60.0


def main() -> int:
    """Install what is missing; print one message if that fails, and return the exit code."""
    console = Console(stderr=True)
    try:
        with _progress(console) as progress:
            install_jars(progress)
            link_flink()
            write_archives(progress)
            format_storage(progress)
            compile_plan(progress)
            problem = archive_services(progress)
        if problem is not None:
            console.print(
                f"[yellow]Starts stay slower than they could be:[/] {escape(str(problem))}"
            )
    except SpafError as error:
        console.print(f"[bold red]set-up stopped:[/] {escape(str(error))}", highlight=False)
        return error.exit_code
    except OSError as error:
        todo = "Mend it, then run `make setup` again; it continues where it stopped."
        console.print(f"[bold red]set-up stopped:[/] {escape(f'{error}')}\n{todo}")
        return 1
    return 0


def install_jars(progress: Progress) -> None:
    """Download the missing jars and check each against the lock.

    Raises:
        SetupError: the registry cannot be reached, or the hash of a jar is not that of the lock.

    """
    missing = [jar for jar in runtime.locked_jars() if not jar.path.exists()]
    if not missing:
        return
    task = progress.add_task("Kafka and Flink connectors", total=len(missing))
    with (
        tempfile.TemporaryDirectory(prefix="spaf-jars-") as cache,
        ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool,
    ):
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache), local_repos=[])
        jobs = [pool.submit(_install_jar, context, jar) for jar in missing]
        try:
            for job in as_completed(jobs):
                job.result()
                progress.advance(task)
        except SetupError:
            pool.shutdown(cancel_futures=True)
            raise
    # A JVM ignores an archive of another class path, and starts slowly.
    for archive in runtime.ARCHIVES.glob("*.jsa"):
        archive.unlink()


def _install_jar(context: MavenContext, jar: runtime.LockedJar) -> None:
    download_jar(context, jar.coordinate, jar.sha256, jar.path, "run `make setup` again")


def download_jar(
    context: MavenContext, coordinate: str, sha256: str, path: Path, again: str
) -> None:
    """Download a jar to its path, and check its hash.

    Raises:
        SetupError: the registry cannot be reached, or the file has another hash; it says to do
            `again` what was done.

    """
    group, artifact, version = coordinate.split(":")
    try:
        download = context.project(group, artifact).at_version(version).artifact().resolve()
    except (RequestException, RuntimeError) as error:
        raise SetupError(
            f"{coordinate} could not be downloaded ({type(error).__name__}).",
            todo=f"Check the network, then {again}; it continues where it stopped.",
        ) from error
    content = download.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise SetupError(
            f"{coordinate} has SHA-256 {digest}, but jars.lock says {sha256}.",
            todo="The jar was not installed. Do not use it: the file at the registry has changed.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    # Durable: set-up does not check an installed jar again.
    write_atomically(path, content, durable=True)


def link_flink() -> None:
    """Create a Flink home whose `lib` has the jars of PyFlink and the connectors."""
    parts = [runtime.pyflink() / name for name in ("bin", "conf", "opt", "plugins")]
    links = {runtime.FLINK_HOME / part.name: part for part in parts}
    jars = (runtime.pyflink() / "lib").glob("*.jar")
    links |= {runtime.FLINK_JARS / jar.name: jar for jar in jars}
    for link, target in links.items():
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent))


def write_archives(progress: Progress) -> None:
    """Write the class-data archives of the JDK and of the JVM that plans.

    Raises:
        SetupError: a JVM did not start.

    """
    if _archive(runtime.CLIENT).exists():
        return
    task = progress.add_task("class-data archives", total=2)
    runtime.ARCHIVES.mkdir(parents=True, exist_ok=True)
    _dump_base_archive()
    progress.advance(task)
    _archive_client()
    progress.advance(task)


def archive_services(progress: Progress) -> SpafError | None:
    """Write the class-data archive of each service, from a run that has counted some sales.

    So they hold what the job loads too. Return why there is none: a machine on which a service of
    SPAF does not start may have services of the user's own.
    """
    if all(_archive(name).exists() for name in ARCHIVED):
        return None
    for name in ARCHIVED:
        _archive(name).unlink(missing_ok=True)
    task = progress.add_task("archives of the services", total=1)
    try:
        _run_archiving()
    except SpafError as error:
        return error
    progress.advance(task)
    return None


def _run_archiving() -> None:
    with tempfile.TemporaryDirectory(prefix="spaf-cds-") as folder:
        chosen = Settings.model_construct(home=Path(folder) / "run")
        try:
            with running(chosen, lambda _: None, archiving=True) as run:
                _sell(run)
        finally:
            control.down(chosen, wipe=True)
    for name in ARCHIVED:
        partial = _archive(name).with_suffix(".partial")
        if not partial.exists():
            raise ServiceError(name, "has written no class-data archive")
        partial.replace(_archive(name))


def format_storage(progress: Progress) -> None:
    """Format the storage of a broker, instead of at the first start of each run folder.

    Raises:
        ServiceError: Kafka's tool failed.

    """
    if (runtime.KAFKA_STORAGE / kafka.META).exists():
        return
    task = progress.add_task("storage of the broker", total=1)
    with tempfile.TemporaryDirectory(prefix="spaf-kafka-") as folder:
        home, ports = Path(folder), kafka.BrokerPorts(any_free_port(), any_free_port())
        kafka.service(KafkaSettings(), home, home / "log", ports)
        kafka.keep_storage(home / "data")
    progress.advance(task)


def compile_plan(progress: Progress) -> None:
    """Compile plan and graph of the job with the default settings, instead of at the first start.

    Raises:
        JobError: the job cannot be planned.

    """
    request = default_graph()
    graph = Path(request.graph)
    made = (Path(request.plan), *(file_of(graph, resumes=resumes) for resumes in (False, True)))
    if all(file.exists() for file in made):
        return
    task = progress.add_task("plan of the job", total=1)
    shutil.rmtree(runtime.PLANS, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="spaf-plan-") as folder:
        Submission(request, Path(folder) / "planner.log").wait()
    progress.advance(task)


def _dump_base_archive() -> None:
    """Write the archive of the JDK, which the wheel does not include."""
    done = process.run("java", [str(runtime.java()), "-Xshare:dump"])
    if done.returncode != 0:
        raise SetupError(f"java -Xshare:dump failed: {done.stdout[-1000:]}")


def _archive(name: str) -> Path:
    return runtime.ARCHIVES / f"{name}.jsa"


def _sell(run: Run) -> None:
    """Sell for a moment, and wait until all of it is counted."""

    def locust_runs() -> bool:
        return run.state().services[LOCUST].state is ServiceStatus.RUNNING

    process.wait_until(locust_runs, COUNT_TIMEOUT_S)
    with LocustClient(run.state().services[LOCUST].address) as locust:
        locust.start(SALES_A_SECOND)
        clock.sleep(SALES_S)
        locust.stop()
    records = sum(run.end_offsets().values())
    with run.access.session(Role.READ, autocommit=True) as connection:

        def counted() -> bool:
            return queries.readable_records(connection) >= records

        if not records or not process.wait_until(counted, COUNT_TIMEOUT_S):
            raise ServiceError(TASKMANAGER, "does not count the sales of set-up")


def _archive_client() -> None:
    """Write the archive of the planning JVM, from one that has planned no job."""
    archive = runtime.ARCHIVES / f"{runtime.CLIENT}.partial"
    options = [f"-XX:ArchiveClassesAtExit={archive.relative_to(runtime.SHARE)}"]
    code = "from spaf.job.submit import table_environment; table_environment({})"
    done = process.run(
        "planner",
        [sys.executable, *PYTHON_OPTIONS, "-c", code],
        env=environment(runtime.java_home(), str(runtime.FLINK_HOME), options),
        cwd=runtime.SHARE,
    )
    # The JVM ends after Python has ended, and then writes the archive.
    if done.returncode != 0 or not process.wait_until(
        _written(archive), ARCHIVE_TIMEOUT_S, poll=0.5
    ):
        raise SetupError(f"The planning JVM did not start: {done.stdout[-1000:]}")
    archive.replace(archive.with_suffix(".jsa"))


def _written(archive: Path) -> Callable[[], bool]:
    """Return a condition that holds once the archive has the same size in two checks."""
    last_size = -1

    def complete() -> bool:
        nonlocal last_size
        size = archive.stat().st_size if archive.exists() else -1
        unchanged, last_size = size > 0 and size == last_size, size
        return unchanged

    return complete


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:28}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
    )


if __name__ == "__main__":
    sys.exit(main())
