"""Which part of the job a sample belongs to, on recorded stacks and a small plan."""

from __future__ import annotations

import json

import pytest

from spaf.bench.throughput.profile_parts import (
    BRANCHES,
    CHECKPOINT,
    CLASSIFY,
    COLLECTOR,
    COMPILER,
    EXCHANGE,
    FRAMES,
    JSON,
    OPERATOR,
    ORDER,
    READER,
    RECORDER,
    REST,
    ROWS,
    SINK,
    THREADS,
    WATERMARK,
    JobPlan,
    SampleParts,
    calc_path,
    part_of_thread,
)
from spaf.job.build import DEDUP_SINK_BY_VIEW, SINK_BY_VIEW
from spaf.measure.flight_recorder import StackSample

SOURCE = "Source: KafkaSource-default_catalog.default_database.sale_log -> Calc[3] (1/2)#0"
TABLE = "org.apache.flink.table"
STREAMING = "org.apache.flink.streaming"
CHAINING = f"{STREAMING}.runtime.tasks.ChainingOutput.collect"
BROADCAST = f"{STREAMING}.runtime.tasks.CopyingBroadcastingOutputCollector.collect"
# What lies below every operator of the source's task.
BELOW = (
    f"{TABLE}.runtime.operators.wmassigners.RowTimeMiniBatchAssginerOperator.processElement",
    CHAINING,
    f"{STREAMING}.runtime.tasks.SourceOperatorStreamTask$AsyncDataOutputToOutput.emitRecord",
    f"{STREAMING}.api.operators.source.SourceOutputWithWatermarks.collect",
    "org.apache.flink.formats.json.JsonParserRowDataDeserializationSchema.deserialize",
    "org.apache.flink.connector.kafka.source.reader.KafkaRecordEmitter.emitRecord",
    f"{STREAMING}.api.operators.SourceOperator.emitNext",
    f"{STREAMING}.runtime.tasks.StreamTask.invoke",
)
CLASSIFYING = ("StreamExecCalc$1240.processElement_split18", "StreamExecCalc$1240.processElement")
ACCEPTED = ("StreamExecCalc$3.processElement", BROADCAST, *CLASSIFYING, CHAINING, *BELOW)
SUMMARY = ("StreamExecCalc$13.processElement", CHAINING, *ACCEPTED)
OUTLIERS = ("StreamExecCalc$82.processElement_split125", CHAINING, *ACCEPTED)
LEDGER = ("StreamExecCalc$10.processElement", BROADCAST, *CLASSIFYING, CHAINING, *BELOW)
TRAFFIC = ("StreamExecCalc$18.processElement", BROADCAST, *CLASSIFYING, CHAINING, *BELOW)
BUNDLE = f"{TABLE}.runtime.operators.bundle.MapBundleOperator.getKey"
WINDOW = f"{TABLE}.runtime.operators.aggregate.window.LocalSlicingWindowAggOperator.processElement"
WRITER = f"{STREAMING}.runtime.io.RecordWriterOutput.pushToRecordWriter"
KEY = "KeyProjection$0.apply"
# A stack for each part that is seen in the source's task, the innermost frame first.
STACKS = {
    "summary": (f"{TABLE}.data.binary.BinaryRowData.copy", KEY, BUNDLE, *SUMMARY),
    "ledger": ("GroupAggsHandler$42.accumulate", BUNDLE, *LEDGER),
    "traffic": ("java.util.HashMap.getNode", WINDOW, *TRAFFIC),
    "outliers": (f"{TABLE}.data.binary.BinaryStringData.copy", *OUTLIERS),
    EXCHANGE: (KEY, WRITER, f"{STREAMING}.api.operators.CountingOutput.collect", *OUTLIERS),
    CLASSIFY: (f"{TABLE}.data.binary.BinaryStringData.trim", *CLASSIFYING, CHAINING, *BELOW),
    JSON: (
        "org.apache.flink.shaded.jackson2.com.fasterxml.jackson.core.sym.ByteQuads.findName",
        "org.apache.flink.formats.json.JsonParserToRowDataConverters.skipToNextField",
        *BELOW[5:],
    ),
    ROWS: (
        "java.util.HashMap.getNode",
        "org.apache.flink.formats.json.JsonParserToRowDataConverters.convert",
        *BELOW[5:],
    ),
    READER: ("java.util.HashMap.getNode", *BELOW[5:]),
    WATERMARK: ("WatermarkGenerator$0.currentWatermark", *BELOW[3:]),
    REST: (f"{STREAMING}.runtime.tasks.StreamTask.invoke",),
}
# Node → type and followers: a job with a branch of each kind.
NODES: dict[int, tuple[str, list[int]]] = {
    1: ("table-source-scan_2", [2]),
    2: ("mini-batch-assigner_1", [3]),
    3: ("calc_1", [4, 11, 25]),
    4: ("calc_1", [5, 17]),
    5: ("calc_1", [6]),
    6: ("local-group-aggregate_1", [7]),
    7: ("exchange_1", [10]),
    10: ("sink_2", []),
    11: ("calc_1", [12]),
    12: ("local-group-aggregate_1", [13]),
    13: ("exchange_1", [16]),
    16: ("sink_2", []),
    17: ("calc_1", [18]),
    18: ("exchange_1", [19]),
    19: ("over-aggregate_1", [24]),
    24: ("sink_2", []),
    25: ("calc_1", [26]),
    26: ("local-window-aggregate_1", [27]),
    27: ("exchange_1", [28]),
    28: ("global-window-aggregate_1", [30, 57]),
    30: ("calc_1", [56]),
    56: ("sink_2", []),
    57: ("calc_1", [97]),
    97: ("sink_2", []),
}


def plan(nodes: dict[int, tuple[str, list[int]]] = NODES) -> JobPlan:
    """Return a plan as Flink writes it, as far as it is read."""
    text = {
        "flinkVersion": "2.3",
        "nodes": [
            {"id": number, "type": f"stream-exec-{kind}", "description": ""}
            for number, (kind, _) in nodes.items()
        ],
        "edges": [
            {"source": number, "target": target, "shuffle": {"type": "FORWARD"}}
            for number, (_, targets) in nodes.items()
            for target in targets
        ],
    }
    return JobPlan(json.dumps(text).encode(), SINK_BY_VIEW)


def sample(frames: tuple[str, ...], thread: str = SOURCE) -> StackSample:
    """Return a sample of a thread."""
    return StackSample(1, thread, 0.0, frames)


def parts(nodes: dict[int, tuple[str, list[int]]] = NODES) -> SampleParts:
    """Return the parts of a recording that holds every stack."""
    return SampleParts(plan(nodes), [sample(frames) for frames in STACKS.values()])


@pytest.mark.parametrize("part", STACKS)
def test_innermost_known_frame_decides(part: str) -> None:
    """A helper belongs to its caller; a Calc to the branch at its place in the chain."""
    assert parts().part(sample(STACKS[part])) == part


def test_calc_that_several_branches_share_is_part_of_classifying() -> None:
    """The filter of accepted sales feeds summary and outliers."""
    assert parts().part(sample(ACCEPTED)) == CLASSIFY


def test_branches_that_cannot_be_told_apart_are_named_together() -> None:
    """Two Calcs that follow the same one and lead to the same kind of operator."""
    alike = {**NODES, 3: ("calc_1", [5, 11, 17, 25])}
    direct = ("StreamExecCalc$9.processElement", CHAINING, *CLASSIFYING, CHAINING, *BELOW)
    found = SampleParts(plan(alike), [sample((BUNDLE, *direct))])
    assert found.part(sample((BUNDLE, *direct))) == "summary + ledger"


def test_local_aggregate_that_a_watermark_empties_has_its_branch_if_it_is_the_only_one() -> None:
    """No Calc has called it."""
    assert parts().part(sample((WINDOW, *BELOW))) == "traffic"
    assert parts().part(sample((BUNDLE, *BELOW))) == "summary + ledger"


@pytest.mark.parametrize(
    ("thread", "part"),
    [
        ("OverAggregate[19] -> Calc[20] (1/2)#0", "outliers"),
        ("GlobalWindowAggregate[28] -> Calc[29] -> (Calc[30], Calc[57]) (1/2)#0", "traffic"),
        ("Calc[57] -> Sink: window_anomaly[97] (1/1)#3", "series"),
        ("a thread without a node", REST),
    ],
)
def test_operator_of_another_task_belongs_to_the_branch_of_its_first_node(
    thread: str, part: str
) -> None:
    """What surges and series share counts for the first."""
    frames = ("java.util.ArrayList.get", f"{TABLE}.runtime.operators.over.Over.processElement")
    assert parts().part(sample(frames, thread)) == part


def test_writing_and_reading_between_tasks_are_parts_of_their_own() -> None:
    """Whatever the task."""
    sink = "GlobalGroupAggregate[8] -> Sink: sales_summary[10] (1/2)#0"
    jdbc = ("java.net.Socket.write", "org.postgresql.core.v3.QueryExecutorImpl.sendQuery")
    assert parts().part(sample(jdbc, sink)) == SINK
    reading = (f"{STREAMING}.runtime.io.AbstractStreamTaskNetworkInput.emitNext",)
    assert parts().part(sample(reading, sink)) == EXCHANGE


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("GC Thread#1", COLLECTOR),
        ("VM Thread", COLLECTOR),
        ("C2 CompilerThre", COMPILER),
        ("C1 CompilerThre", COMPILER),
        ("Source Data Fet", READER),
        ("jdbc-upsert-out", SINK),
        ("AsyncOperations", CHECKPOINT),
        ("OutputFlusher f", EXCHANGE),
        ("JFR Thread Samp", RECORDER),
        ("flink-pekko.rem", REST),
    ],
)
def test_thread_without_samples_has_the_part_of_its_name(name: str, part: str) -> None:
    """The kernel cuts a name after 15 characters."""
    assert part_of_thread(name) == part


def test_path_has_each_calc_once() -> None:
    """Flink splits a large method into several."""
    assert calc_path(STACKS["summary"]) == (
        "StreamExecCalc$1240",
        "StreamExecCalc$3",
        "StreamExecCalc$13",
    )


def test_every_part_has_its_place_in_the_table() -> None:
    """Also the branch of each result of the job."""
    assert set(BRANCHES) == set(SINK_BY_VIEW) | set(DEDUP_SINK_BY_VIEW)
    assert {*FRAMES.values(), *THREADS.values(), *BRANCHES.values()} - {OPERATOR} < set(ORDER)
