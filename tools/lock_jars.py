"""Write src/spaf/stack/jars.lock: the jars that the package registries of Python do not hold.

Run it after changing a version below: `.venv/bin/python tools/lock_jars.py`.
Each line of the lock is `set group:artifact:version sha256`; set-up downloads exactly these files.
"""

import hashlib
import tempfile
from pathlib import Path

from jgo.maven import Dependency, MavenContext, PythonResolver

LOCK = Path(__file__).parents[1] / "src/spaf/stack/jars.lock"

# With its runtime closure.
KAFKA = ["org.apache.kafka:kafka_2.13:4.3.0"]
# Alone: resolved together with Kafka, its parent would impose an old kafka-clients. Its version
# must be the one of log4j-core in Kafka's closure.
KAFKA_LOGGING = ["org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"]
# Alone: the Kafka connector shades what it needs, the JDBC parts need nothing else.
FLINK = [
    "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2",
    # Neither the connector nor Flink holds the codec of zstd; its version is that of Kafka.
    "com.github.luben:zstd-jni:1.5.6-10",
    "org.apache.flink:flink-connector-jdbc-core:4.0.0-2.0",
    "org.apache.flink:flink-connector-jdbc-postgres:4.0.0-2.0",
    "org.postgresql:postgresql:42.7.13",
]


def locked(context: MavenContext, name: str, coordinates: list[str], *, closure: bool) -> list[str]:
    """Return the lock lines of one set, sorted by coordinate."""
    wanted = []
    for coordinate in coordinates:
        group, artifact, version = coordinate.split(":")
        wanted.append(Dependency(context.project(group, artifact).at_version(version).artifact()))
    artifacts = [dependency.artifact for dependency in wanted]
    if closure:
        _, nodes = context.resolver.get_dependency_list(wanted)
        artifacts += [
            node.dep.artifact for node in nodes if node.dep.scope in ("compile", "runtime")
        ]
    lines = []
    for artifact in artifacts:
        digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
        lines.append(f"{name} {artifact.groupId}:{artifact.artifactId}:{artifact.version} {digest}")
    return sorted(set(lines))


def main() -> None:
    """Resolve both sets in an empty cache and write the lock."""
    with tempfile.TemporaryDirectory() as cache:
        context = MavenContext(resolver=PythonResolver(), repo_cache=Path(cache), local_repos=[])
        lines = locked(context, "kafka", KAFKA, closure=True)
        lines += locked(context, "kafka", KAFKA_LOGGING, closure=False)
        lines += locked(context, "flink", FLINK, closure=False)
    LOCK.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
