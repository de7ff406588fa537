"""Kafka: a log that ends in the middle of a batch, and a topic whose options were changed."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # public, but not marked so
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from spaf.chaos.fault import Fault, FaultKind, Scene
from spaf.chaos.faults.signals import identities, is_stopped, send
from spaf.errors import StackError, TopicError
from spaf.stack import process
from spaf.stack.process import ProcessIdentity
from spaf.stack.service_names import KAFKA
from spaf.topic.admin import TOPIC_OPTIONS, admin_client

# A part of the last batch is written again: a beginning whose end and checksum are missing.
TORN_BYTES = 200
STOP_S = 5.0
REQUEST_S = 10.0


class TornLog(Fault):
    """The broker dies while it writes a batch: the segment ends with a part of one.

    The batch was not acknowledged. What was acknowledged lies before it and is not touched.
    """

    def __init__(self, scene: Scene, _target: str) -> None:
        """Keep the run."""
        self._scene = scene
        self._broker: ProcessIdentity | None = None
        self._torn = 0

    def inject(self) -> None:
        """Suspend the broker, append a part of a batch to each partition, kill the broker.

        Raises:
            StackError: the topic has no segment.

        """
        (broker,) = identities(self._scene, KAFKA)
        self._broker = broker
        # Suspended it cannot write after the torn batch.
        send(broker, signal.SIGSTOP)
        process.wait_until(lambda: is_stopped(broker), STOP_S)
        for segment in newest_segments(self._scene.run.home.kafka, self._scene.run.topic):
            tear(segment)
            self._torn += 1
        send(broker, signal.SIGKILL)
        if not self._torn:
            raise StackError(f"Topic {self._scene.run.topic} has no segment that could be torn.")

    def happened(self) -> bool:
        """Return whether a segment was torn and the broker has ended."""
        return self._torn > 0 and self._broker is not None and not self._broker.alive()

    def lift(self) -> None:
        """Let a broker go on that could not be killed."""
        if self._broker is not None:
            send(self._broker, signal.SIGCONT)


def newest_segments(kafka: Path, topic: str) -> list[Path]:
    """Return the segment to which the broker appends, of each partition of a topic."""
    folders = [path for path in (kafka / "data").glob(f"{topic}-*") if path.is_dir()]
    logs = [sorted(folder.glob("*.log")) for folder in folders]
    return [segments[-1] for segments in logs if segments]


def tear(segment: Path) -> None:
    """Append the beginning of the first batch of a segment to its end.

    Raises:
        OSError: the file cannot be written.

    """
    with segment.open("r+b") as file:
        begin = file.read(TORN_BYTES)
        file.seek(0, 2)
        file.write(begin)


class AlteredTopic(Fault):
    """A person changes an option of the topic."""

    OPTIONS: ClassVar = {
        "timestamps": ("message.timestamp.type", "CreateTime"),
        "compaction": ("cleanup.policy", "compact"),
    }

    def __init__(self, scene: Scene, target: str) -> None:
        """Keep what to change."""
        self._scene = scene
        self._option, self._value = self.OPTIONS[target]
        self._changed = False

    def inject(self) -> None:
        """Change it."""
        alter(self._scene, self._option, self._value)
        self._changed = True

    def happened(self) -> bool:
        """Return whether the broker has accepted it."""
        return self._changed

    def lift(self) -> None:
        """Change it back."""
        if self._changed:
            alter(self._scene, self._option, TOPIC_OPTIONS.get(self._option, "delete"))
            self._changed = False


def alter(scene: Scene, option: str, value: str) -> None:
    """Set an option of the topic.

    Raises:
        TopicError: the broker refuses, or does not answer.

    """
    entry = ConfigEntry(option, value, incremental_operation=AlterConfigOpType.SET)
    topic = ConfigResource(ResourceType.TOPIC, scene.run.topic, incremental_configs=[entry])
    try:
        admin_client(scene.run.kafka).incremental_alter_configs([topic])[topic].result(REQUEST_S)
    except (KafkaException, TimeoutError) as error:
        raise TopicError(f"The topic could not be altered: {error}") from error


KINDS = (
    FaultKind(
        "kafka-torn-log",
        "Kills the broker and lets its log end in the middle of a batch that was not acknowledged.",
        TornLog,
        targets=(KAFKA,),
        response=(
            "The broker cuts off the batch that is not complete, which was never acknowledged; "
            "the generator sends it again."
        ),
    ),
    FaultKind(
        "topic-change",
        "Sets the topic to the clients' time stamps (timestamps) or to compaction (compaction).",
        AlteredTopic,
        targets=tuple(AlteredTopic.OPTIONS),
        hold_s=(10.0,),
        response=(
            "Records are counted by what they carry. A compacted topic refuses sales without a "
            "key: they are not acknowledged."
        ),
        todo="Set it back with the command that the sentence has.",
    ),
)
