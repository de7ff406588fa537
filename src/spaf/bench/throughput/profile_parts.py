"""Which part of the job a sample of the JVM's recorder belongs to.

Flink runs the operators of a chain in one thread: each calls the next one. So the innermost frame
that belongs to a known part decides. A generated class says only what kind of operator it is; which
one it is follows from its place in the chain, and from which tables its rows reach in the plan.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache

import msgspec

from spaf.job.build import DEDUP_SINK_BY_VIEW, SINK_BY_VIEW
from spaf.measure.flight_recorder import StackSample

READER = "reader and fetcher"
JSON = "JSON"
ROWS = "row conversion"
WATERMARK = "watermark and mini-batch"
CLASSIFY = "classify"
EXCHANGE = "exchange"
SINK = "sink"
CHECKPOINT = "checkpoint"
COLLECTOR = "collector threads"
COMPILER = "compiler threads"
RECORDER = "recorder"
REST = "rest"
# An operator: the branch of the job that it belongs to.
OPERATOR = ""

# Result view → branch of the job.
BRANCHES = {
    "summary_per_second": "summary",
    "duplicates_per_block": "duplicates",
    "ledger_per_second": "ledger",
    "sale_outlier": "outliers",
    "traffic_outlier": "traffic",
    "series_outlier": "series",
}
ORDER = (
    *(READER, JSON, ROWS, WATERMARK, CLASSIFY),
    *BRANCHES.values(),
    *(EXCHANGE, SINK, CHECKPOINT, COLLECTOR, COMPILER, RECORDER, REST),
)

# Beginning of `package.Class.method` → part; the longest beginning decides. What is not here, such
# as a copy of a string or a look-up in a map, belongs to the frame that has called it.
FRAMES = {
    "org.apache.flink.shaded.jackson2.": JSON,
    "org.apache.flink.formats.json.": ROWS,
    "org.apache.flink.kafka.shaded.": READER,
    "org.apache.kafka.": READER,
    "org.apache.flink.connector.base.source.": READER,
    "org.apache.flink.connector.kafka.": READER,
    "org.apache.flink.streaming.connectors.kafka.": READER,
    "org.apache.flink.streaming.api.operators.SourceOperator.": READER,
    "org.apache.flink.streaming.runtime.tasks.SourceOperatorStreamTask": READER,
    "org.apache.flink.streaming.api.operators.source.": WATERMARK,
    "org.apache.flink.api.common.eventtime.": WATERMARK,
    "org.apache.flink.table.runtime.generated.GeneratedWatermarkGenerator": WATERMARK,
    "org.apache.flink.table.runtime.operators.wmassigners.": WATERMARK,
    "WatermarkGenerator$": WATERMARK,
    "StreamExecCalc$": OPERATOR,
    "org.apache.flink.table.runtime.operators.": OPERATOR,
    "org.apache.flink.streaming.runtime.io.RecordWriterOutput.": EXCHANGE,
    "org.apache.flink.streaming.runtime.io.AbstractStreamTaskNetworkInput.": EXCHANGE,
    "org.apache.flink.streaming.runtime.io.StreamTaskNetworkInput.": EXCHANGE,
    "org.apache.flink.streaming.runtime.partitioner.": EXCHANGE,
    "org.apache.flink.runtime.io.network.": EXCHANGE,
    "org.apache.flink.connector.jdbc.": SINK,
    "org.postgresql.": SINK,
    "org.apache.flink.runtime.checkpoint.": CHECKPOINT,
    "org.apache.flink.runtime.state.AsyncSnapshotCallable": CHECKPOINT,
    "org.apache.flink.streaming.runtime.tasks.AsyncCheckpointRunnable": CHECKPOINT,
}
# Beginning of the name of a thread → part, for threads whose frames say nothing, or that have none.
THREADS = {
    "Source Data Fet": READER,
    "jdbc-upsert-out": SINK,
    "OutputFlusher": EXCHANGE,
    "AsyncOperations": CHECKPOINT,
    "GC Thread": COLLECTOR,
    "G1 ": COLLECTOR,
    "VM Thread": COLLECTOR,
    "C1 Compiler": COMPILER,
    "C2 Compiler": COMPILER,
    "JFR ": RECORDER,
}
# Beginning of `package.Class.method` → what a chain of Calcs leads to: a type of node in the plan.
ENDS = {
    "org.apache.flink.table.runtime.operators.bundle.": "local-group-aggregate",
    "org.apache.flink.table.runtime.operators.aggregate.window.": "local-window-aggregate",
    "org.apache.flink.streaming.runtime.io.RecordWriterOutput.": "exchange",
}
CALC = "calc"
SOURCE = "table-source-scan"
GENERATED_CALC = re.compile(r"(StreamExecCalc\$\d+)\.")
# Begins the name of the task of the source.
SOURCE_TASK = "Source: "
# The first node of a task, in its name: `OverAggregate[19] -> Calc[20] (1/2)#0`.
FIRST_NODE = re.compile(r"\[(\d+)\]")
# `stream-exec-calc_1`
NODE_TYPE = re.compile(r"stream-exec-(.+)_\d+")

# Classes of the Calcs through which a row has passed, in this order.
Path = tuple[str, ...]


class JobPlan:
    """The compiled plan: which node hands its rows to which, and which tables they reach."""

    def __init__(self, plan: bytes, views: Iterable[str]) -> None:
        """Read a plan.

        Args:
            plan: as Flink writes it.
            views: the result views, in the order of the sinks in the plan.

        """
        read = msgspec.json.decode(plan, type=_Plan)
        self._types = {node.id: NODE_TYPE.sub(r"\1", node.type) for node in read.nodes}
        self._next: dict[int, list[int]] = defaultdict(list)
        for edge in read.edges:
            self._next[edge.source].append(edge.target)
        sinks = sorted(number for number, kind in self._types.items() if kind == "sink")
        self._view_by_sink = dict(zip(sinks, views, strict=True))
        self.source = min(number for number, kind in self._types.items() if kind == SOURCE)

    def part(self, node: int) -> str:
        """Return the part that a node belongs to: a branch, or what several branches share."""
        views = sorted(self._views(node), key=list(BRANCHES).index)
        sinks = {(SINK_BY_VIEW | DEDUP_SINK_BY_VIEW)[view] for view in views}
        return BRANCHES[views[0]] if len(sinks) == 1 else CLASSIFY

    def next_calcs(self, node: int) -> list[int]:
        """Return the Calcs that follow a node in its task."""
        calcs = []
        for number in self._next[node]:
            if self._types[number] == CALC:
                calcs.append(number)
            elif self._types[number] not in ENDS.values():
                calcs += self.next_calcs(number)
        return calcs

    def ends(self, node: int) -> set[str]:
        """Return what a Calc and those that follow it in its task lead to."""
        ends = {self._types[number] for number in self._next[node]} & set(ENDS.values())
        return ends.union(*(self.ends(calc) for calc in self.next_calcs(node)))

    def _views(self, node: int) -> set[str]:
        if node in self._view_by_sink:
            return {self._view_by_sink[node]}
        return set().union(*(self._views(number) for number in self._next[node]))


class SampleParts:
    """The parts of the samples of one drain."""

    def __init__(self, plan: JobPlan, samples: Sequence[StackSample]) -> None:
        """Learn from the samples which Calcs lead to what."""
        self._plan = plan
        self._ends: dict[Path, set[str]] = defaultdict(set)
        for sample in filter(_of_source, samples):
            path, end = calc_path(sample.frames), end_of(sample.frames)
            for length in range(1, len(path) + 1):
                self._ends[path[:length]] |= {end} - {""}
        self._nodes: dict[Path, list[int]] = {(): [plan.source]}

    def part(self, sample: StackSample) -> str:
        """Return the part that a sample belongs to: its innermost known frame decides."""
        for depth, frame in enumerate(sample.frames):
            part = part_of_frame(frame)
            if part == OPERATOR:
                return self._of_operator(sample, sample.frames[depth:])
            if part is not None:
                return part
        return part_of_thread(sample.name)

    def _of_operator(self, sample: StackSample, frames: Sequence[str]) -> str:
        if not _of_source(sample):
            first = FIRST_NODE.search(sample.name)
            return self._plan.part(int(first[1])) if first else REST
        path = calc_path(frames)
        # A local aggregate that is emptied by a watermark was not called by a Calc.
        nodes = self._calcs(path) if path else self._leading_to(end_of(frames))
        parts = dict.fromkeys(map(self._plan.part, sorted(nodes)))
        return " + ".join(parts) if parts else REST

    def _calcs(self, path: Path) -> list[int]:
        """Return the nodes that the last Calc of a path may be: one, unless siblings are alike."""
        if path not in self._nodes:
            nodes = [n for above in self._calcs(path[:-1]) for n in self._plan.next_calcs(above)]
            seen = self._ends[path]
            self._nodes[path] = (
                [node for node in nodes if self._plan.ends(node) == seen]
                or [node for node in nodes if self._plan.ends(node) >= seen]
                or nodes
            )
        return self._nodes[path]

    def _leading_to(self, end: str) -> list[int]:
        calcs, new = [], [self._plan.source]
        while new:
            new = [calc for node in new for calc in self._plan.next_calcs(node)]
            calcs += new
        return [n for n in calcs if self._plan.ends(n) == {end} and not self._plan.next_calcs(n)]


def calc_path(frames: Sequence[str]) -> Path:
    """Return the classes of the Calcs in a stack, the outermost first."""
    matches = filter(None, map(GENERATED_CALC.match, reversed(frames)))
    return tuple(dict.fromkeys(match[1] for match in matches))


def end_of(frames: Sequence[str]) -> str:
    """Return what the innermost Calc of a stack has called, if it is an end of a chain."""
    for frame in frames:
        if GENERATED_CALC.match(frame):
            break
        end = next((kind for beginning, kind in ENDS.items() if frame.startswith(beginning)), "")
        if end:
            return end
    return ""


@cache
def part_of_frame(frame: str) -> str | None:
    """Return the part of a frame; None if the frame that has called it decides."""
    known = [beginning for beginning in FRAMES if frame.startswith(beginning)]
    return FRAMES[max(known, key=len)] if known else None


def part_of_thread(name: str) -> str:
    """Return the part of a thread of which no frame is known."""
    return next((part for beginning, part in THREADS.items() if name.startswith(beginning)), REST)


def _of_source(sample: StackSample) -> bool:
    return sample.name.startswith(SOURCE_TASK)


class _Node(msgspec.Struct):
    id: int
    type: str


class _Edge(msgspec.Struct):
    source: int
    target: int


class _Plan(msgspec.Struct):
    nodes: list[_Node]
    edges: list[_Edge]
