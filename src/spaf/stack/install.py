"""Set-up after pip: the jars that Python's registry does not hold, and class-data archives.

Run as `python -m spaf.stack.install` by `make setup`. Every step is skipped where its result is
already there and right, so an interrupted set-up goes on where it stopped. A jar takes its final
name only after its hash was checked: nothing half-downloaded can be mistaken for a whole one.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from jgo.maven import MavenContext, PythonResolver
from requests import RequestException
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from spaf.errors import ServiceError, SetupError, SpafError
from spaf.files import write_atomically
from spaf.job.submit import environment
from spaf.settings import FlinkSettings, KafkaSettings
from spaf.stack import flink, kafka, process, runtime
from spaf.stack.ports import any_free_port

DOWNLOADS_AT_ONCE = 8
# A cold start of the services beside each other on a slow machine, seconds.
READY_SECONDS = 90.0
# Writing an archive at exit, seconds.
ARCHIVE_SECONDS = 60.0


def main() -> int:
    """Install what is missing; say in one plain sentence why it could not be done."""
    console = Console(stderr=True)
    try:
        with _progress(console) as progress:
            install_jars(progress)
            link_flink()
            write_archives(progress)
    except SpafError as error:
        console.print(f"[bold red]set-up stopped:[/] {escape(str(error))}", highlight=False)
        return error.exit_code
    return 0


def install_jars(progress: Progress) -> None:
    """Download the missing jars and check each against the lock.

    Raises:
        SetupError: the registry cannot be reached, or a file is not the one that was locked.

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


def _install_jar(context: MavenContext, jar: runtime.LockedJar) -> None:
    group, artifact, version = jar.coordinate.split(":")
    try:
        found = context.project(group, artifact).at_version(version).artifact().resolve()
    except (RequestException, RuntimeError) as error:
        raise SetupError(
            f"{jar.coordinate} could not be downloaded ({type(error).__name__}).",
            todo="Check the network, then run `make setup` again; it goes on where it stopped.",
        ) from error
    content = found.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != jar.sha256:
        raise SetupError(
            f"{jar.coordinate} has SHA-256 {digest}, but jars.lock says {jar.sha256}.",
            todo="It was not installed. Do not use it: the file at the registry has changed.",
        )
    jar.path.parent.mkdir(parents=True, exist_ok=True)
    # Durable: set-up takes a jar that is there for a whole one.
    write_atomically(jar.path, content, durable=True)


def link_flink() -> None:
    """Make a Flink home whose `lib` holds PyFlink's own jars and, beside them, the connectors."""
    parts = [runtime.pyflink() / name for name in ("bin", "conf", "opt", "plugins")]
    links = {runtime.FLINK_HOME / part.name: part for part in parts}
    jars = (runtime.pyflink() / "lib").glob("*.jar")
    links |= {runtime.FLINK_JARS / jar.name: jar for jar in jars}
    for link, target in links.items():
        if not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(os.path.relpath(target, link.parent))


def write_archives(progress: Progress) -> None:
    """Write the class-data archives from one start of each service that serves no job.

    An archive from a JVM that has compiled SQL breaks the code generator of the next one, so they
    are made here, once, and only read afterwards.

    Raises:
        SetupError: a service did not start.

    """
    names = (kafka.NAME, flink.JOBMANAGER, flink.TASKMANAGER, runtime.CLIENT)
    if all((runtime.ARCHIVES / f"{name}.jsa").exists() for name in names):
        return
    task = progress.add_task("class-data archives", total=1 + len(names))
    _dump_base_archive()
    progress.advance(task)
    with tempfile.TemporaryDirectory(prefix="spaf-cds-") as folder:
        _archive_services(Path(folder))
    progress.advance(task, len(names) - 1)
    _archive_client()
    progress.advance(task)


def _dump_base_archive() -> None:
    """Write the JDK's own archive, which the wheel leaves out."""
    done = subprocess.run(
        [str(runtime.java()), "-Xshare:dump"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SetupError(f"java -Xshare:dump failed: {done.stdout[-500:]}{done.stderr[-500:]}")


def _archive_services(folder: Path) -> None:
    runtime.ARCHIVES.mkdir(parents=True, exist_ok=True)
    for old in runtime.ARCHIVES.iterdir():
        old.unlink()
    ports = flink.JobManagerPorts(any_free_port(), any_free_port())
    broker = kafka.service(
        KafkaSettings(), folder / "kafka", folder / "kafka.log", any_free_port(), any_free_port()
    )
    cluster = flink.services(FlinkSettings(), folder, folder, ports)
    started = [(service, process.start(_archiving(service))) for service in (broker, *cluster)]
    try:
        for service, _ in started:
            if not process.wait_until(service.ready, READY_SECONDS):
                raise ServiceError(
                    service.name, "did not start", log_tail=process.log_tail(service.log)
                )
    finally:
        for _, child in reversed(started):
            child.send_signal(signal.SIGTERM)
        for _, child in started:
            child.wait(ARCHIVE_SECONDS)
    for partial in runtime.ARCHIVES.glob("*.partial"):
        partial.replace(partial.with_suffix(".jsa"))


def _archive_client() -> None:
    """Write the archive of the JVM that plans the job, from one that has planned none."""
    archive = runtime.ARCHIVES / f"{runtime.CLIENT}.partial"
    if " " in str(archive):
        return  # PyFlink splits the JVM's options at spaces; without the archive it starts slower
    options = [f"-XX:ArchiveClassesAtExit={archive}"]
    code = "from spaf.job.submit import table_environment; table_environment({})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={
            **os.environ,
            **environment(runtime.java_home(), str(runtime.FLINK_HOME), options),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    # The JVM ends by itself when Python has gone, and writes the archive then.
    if done.returncode != 0 or not process.wait_until(_written(archive), ARCHIVE_SECONDS, poll=0.5):
        raise SetupError(f"The planning JVM did not start: {done.stderr[-1000:]}")
    archive.replace(archive.with_suffix(".jsa"))


def _written(archive: Path) -> Callable[[], bool]:
    """Return a condition that holds once the archive has stopped growing between two looks."""
    seen = [-1]

    def settled() -> bool:
        size = archive.stat().st_size if archive.exists() else -1
        same, seen[0] = size > 0 and size == seen[0], size
        return same

    return settled


def _archiving(service: process.ServiceProcess) -> process.ServiceProcess:
    """Return the service with the option that writes its archive when it ends."""
    archive = runtime.ARCHIVES / f"{service.name}.partial"
    argv = [service.argv[0], f"-XX:ArchiveClassesAtExit={archive}", *service.argv[1:]]
    return replace(service, argv=argv)


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
