"""The settings that are tried: ours, the other value, and what makes the difference.

The other value is the default of Flink, Kafka's client or Java where ours differs from it. Where
ours is the default, it is the one that guides to tuning recommend, or that shows what the default
costs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from spaf.job import configuration
from spaf.job.build import JobParameters
from spaf.settings import Settings
from spaf.stack import flink
from spaf.stack.submission import JobVariant

# A mini-batch of the ladder, as `spaf bench drain` has it.
MINI_BATCH = {
    "table.exec.mini-batch.enabled": "true",
    "table.exec.mini-batch.allow-latency": "50 ms",
    "table.exec.mini-batch.size": str(configuration.MAX_MINI_BATCH_EVENTS),
}
# Without the second option Flink refuses a query with another key than its sink's.
UPSERT_CHECK = {
    "table.exec.sink.upsert-materialize": "AUTO",
    "table.exec.sink.require-on-conflict": "false",
}
DEFAULTS = "defaults"


class Rung(NamedTuple):
    """One setting, or several at once, with another value than ours."""

    name: str
    key: str
    """How Flink, Kafka, Java or PostgreSQL calls it."""
    tried: str
    ours: Callable[[Settings], str] = lambda _: ""
    usual: bool = False
    """Whether the value that is tried is the default, and ours is not."""
    options: Mapping[str, str | None] = {}
    """Flink's options of the job; None leaves one to Flink's default."""
    parameters: Mapping[str, Any] = {}
    """Fields of JobParameters."""
    job: Mapping[str, Any] = {}
    """Fields of JobSettings."""
    flink: Mapping[str, Any] = {}
    """Fields of FlinkSettings: the services start again."""
    server: Mapping[str, str] = {}
    """Options of PostgreSQL's server."""

    @property
    def variant(self) -> JobVariant:
        """What differs in the job."""
        return JobVariant(self.options, self.parameters)

    @classmethod
    def together(cls, name: str, rungs: Iterable[Rung]) -> Self:
        """Return all of these at once."""
        changed: dict[str, Any] = {}
        for rung in rungs:
            for field in ("options", "parameters", "job", "flink", "server"):
                changed[field] = changed.get(field, {}) | getattr(rung, field)
        tried = "every value of this table that is a default"
        return cls(name=name, key="", tried=tried, ours=lambda _: "ours", **changed)


OURS = Rung("ours", "", "")


def _option(  # noqa: PLR0913 - what a rung is made of
    name: str,
    key: str,
    tried: str | None,
    *,
    default: str = "",
    usual: bool = False,
    options: Mapping[str, str | None] | None = None,
) -> Rung:
    """Return the rung of an option of the job; `default` is Flink's, where SPAF sets none."""

    def ours(settings: Settings) -> str:
        return configuration.options("", settings.job, None, None).get(key, default)

    changed = {key: tried} if options is None else options
    shown = "none" if tried is None else tried
    return Rung(name, key, shown, ours, usual=usual, options=changed)


def _parameter(name: str, key: str, field: str, tried: int) -> Rung:
    """Return the rung of an option of a connector, whose tried value is its default."""

    def ours(settings: Settings) -> str:
        return str(getattr(JobParameters.of(settings, ()), field))

    return Rung(name, key, str(tried), ours, usual=True, parameters={field: tried})


def _server(name: str) -> Rung:
    """Return the rung of a switch of PostgreSQL's server that is on."""
    return Rung(name.replace("_", "-"), name, "off", lambda _: "on", server={name: "off"})


def _second_compiler(settings: Settings) -> str:
    calls = flink.SECOND_COMPILER_THRESHOLDS["Tier4InvocationThreshold"]
    return str(calls * settings.flink.second_compiler_delay)


# In the order of a record on its way: read, processed, handed on, kept, written.
SINGLE: Sequence[Rung] = (
    _parameter("poll-records", "max.poll.records", "poll_records", 500),
    _parameter("fetch-size", "max.partition.fetch.bytes", "fetch_bytes", 1_048_576),
    _option(
        "watermark-interval",
        "pipeline.auto-watermark-interval",
        "200 ms",
        usual=True,
    ),
    _option("object-reuse", "pipeline.object-reuse", "false", usual=True),
    _option(
        "block-reuse",
        "table.optimizer.reuse-optimize-block-with-digest-enabled",
        "false",
        usual=True,
    ),
    _option("code-length", "table.generated-code.max-length", "60000", default="4000"),
    _option("buffer-timeout", "execution.buffer-timeout.interval", "100 ms", usual=True),
    _option(
        "mini-batch",
        "table.exec.mini-batch.allow-latency",
        "50 ms",
        default="off",
        options=MINI_BATCH,
    ),
    _option("key-groups", "pipeline.max-parallelism", "128", usual=True),
    _option("checkpoint-interval", "execution.checkpointing.interval", None, usual=True),
    _option(
        "inline-state",
        "execution.checkpointing.data-inline-threshold",
        "1 mb",
        default="20 kb",
    ),
    _option("state-backend", "state.backend.type", "rocksdb"),
    _option(
        "upsert-check",
        "table.exec.sink.upsert-materialize",
        "AUTO",
        usual=True,
        options=UPSERT_CHECK,
    ),
    Rung(
        "flush-interval",
        "sink.buffer-flush.interval",
        "1000 ms",
        lambda settings: f"{settings.job.flush_ms} ms",
        usual=True,
        job={"flush_ms": 1_000},
    ),
    _parameter("flush-rows", "sink.buffer-flush.max-rows", "flush_rows", 100),
    _server("synchronous_commit"),
    _server("fsync"),
    Rung(
        "second-compiler",
        "-XX:Tier4InvocationThreshold",
        str(flink.SECOND_COMPILER_THRESHOLDS["Tier4InvocationThreshold"]),
        _second_compiler,
        usual=True,
        flink={"second_compiler_delay": 1},
    ),
    Rung(
        "huge-methods",
        "-XX:DontCompileHugeMethods",
        "false",
        lambda _: "true",
        flink={"jvm_options": ("-XX:-DontCompileHugeMethods",)},
    ),
    Rung(
        "collector",
        "-XX:UseG1GC",
        "true",
        lambda _: "false",
        usual=True,
        flink={"jvm_options": ("-XX:+UseG1GC",)},
    ),
)
RUNGS = {
    **{rung.name: rung for rung in SINGLE},
    DEFAULTS: Rung.together(DEFAULTS, (rung for rung in SINGLE if rung.usual)),
}
