"""One tree of settings: defaults < `spaf.toml` < `SPAF_*` environment < command-line flags.

`SPAF_KAFKA__PORT=9093` and

    [kafka]
    port = 9093

in `spaf.toml` mean the same. `null` in a variable is no value, also where the file has one. Secrets
are masked wherever settings are shown.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)
from pydantic_settings import SettingsError as UnreadableVariable

from spaf.errors import SettingsError

SETTINGS_FILE = Path("spaf.toml")
PREFIX = "SPAF_"
# What a variable says for None.
NONE = "null"
# What may hold a password, whatever the setting is called.
_SECRET = re.compile(r"://.*@|passw", re.DOTALL | re.IGNORECASE)


def _own_folder(home: Path) -> Path:
    """Refuse folders that hold more than a run; an empty name is the current one."""
    if home.resolve() in (Path("/"), Path.home().resolve(), Path.cwd()):
        raise ValueError("must be a folder of its own, not /, your home or the current folder")
    return home


def _topic_name(name: str) -> str:
    if name in (".", ".."):
        raise ValueError("Kafka has no topic of this name")
    return name


def _listed(value: Any) -> Any:
    """Split `BRL,USD`, and `["BRL","USD"]` too: the codes hold neither commas nor quotes."""
    if isinstance(value, str):
        return [code.strip(" \"'") for code in value.strip("[] ").split(",")]
    return value


Port = Annotated[int, Field(ge=1, le=65_535)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
# Names that stand unquoted in SQL (the JDBC sink quotes none) and in Kafka.
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$"), AfterValidator(_topic_name)]
SchemaName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


class Section(BaseModel):
    """A part of the settings; a name that it does not know is an error, not a surprise."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class KafkaSettings(Section):
    """The topic that carries the sales, and the broker that SPAF starts for it."""

    bootstrap_servers: str | None = None
    """Address of a Kafka that already runs (`host:port,...`); without it SPAF starts its own."""
    port: Port = 9092
    """Port of the broker that SPAF starts; the next free one is used if it is taken."""
    topic: TopicName = "vendas-simuladas"
    """Topic of the sales; created if missing, with the broker's append time as its timestamps."""
    partitions: Annotated[int, Field(ge=1, le=64)] = 1
    """Partitions of the topic when SPAF creates it."""
    heap_mib: Annotated[int, Field(ge=128, le=32_768)] = 384
    """Largest heap of the broker that SPAF starts."""


class FlinkSettings(Section):
    """The Flink cluster that runs the job."""

    rest_url: AnyHttpUrl | None = None
    """Address of a Flink that already runs (`http://host:8081`); without it SPAF starts its own."""
    port: Port = 8081
    """Port of the JobManager's page and REST that SPAF starts; the next free one if taken."""
    task_managers: Annotated[int, Field(ge=1, le=16)] = 1
    """How many TaskManagers SPAF starts."""
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    """Task slots of each TaskManager."""
    task_heap_mib: Annotated[int, Field(ge=128, le=65_536)] = 320
    """Heap of each TaskManager for the job's own objects."""


class PostgresSettings(Section):
    """The database that keeps the answers."""

    dsn: SecretStr | None = None
    """A PostgreSQL that already runs (`postgresql://user:password@host/db`); it is used for
    migrations, sink and reading alike. Without it SPAF starts its own, with three roles."""
    port: Port = 5432
    """Port of the PostgreSQL that SPAF starts; the next free one is used if it is taken."""
    schema_name: SchemaName = "public"
    """Schema that holds the tables."""


class LocustSettings(Section):
    """Locust's own page."""

    port: Port = 8089
    """Port of Locust's page; the next free one is used if it is taken."""


class ServeSettings(Section):
    """The live page."""

    port: Port = 8080
    """Port of the live page, on this machine only; the next free one is used if it is taken."""
    browser: str | None = None
    """Chromium to measure the page in, its name or path; without it the first that is installed."""


class SaleSettings(Section):
    """What the contract of the event leaves to the operator."""

    currency: Currency = "BRL"
    """Currency of a sale that names none."""
    max_lateness_s: Annotated[int, Field(ge=1, le=86_400)] = 600
    """A sale whose event time lies further than this before its append time is late, seconds."""
    max_ahead_s: Annotated[int, Field(ge=0, le=86_400)] = 60
    """A sale whose event time lies further than this after its append time is rejected, seconds."""


class GenerateSettings(Section):
    """The simulated sales."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Seed of the catalogue and of the sale stream."""
    currencies: Annotated[
        tuple[Currency, ...], Field(min_length=1), BeforeValidator(_listed), NoDecode
    ] = ("BRL",)
    """Currencies of the sales; the first is by far the most frequent."""
    anomaly_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.0005
    """Share of the sales that are made anomalous, with a label."""
    episode_every_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """Seconds between two episodes (surge, drought, level shift, burst of one customer) on average,
    on Locust's page and in `spaf demo`; 0 is none. `spaf load` has an option of its own."""


class JobSettings(Section):
    """The Flink job."""

    parallelism: Annotated[int, Field(ge=1, le=64)] = 1
    """Parallel tasks of each operator; no more than the topic has partitions."""
    mini_batch_ms: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Gather events this long before each update: more throughput, more latency. 0 is off."""
    flush_ms: Annotated[int, Field(ge=1, le=10_000)] = 3
    """Longest wait of a changed row of sales_summary before it is written to PostgreSQL."""
    checkpoint_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 5_000
    """Time between two checkpoints."""
    outlier_hours: Annotated[int, Field(ge=1, le=24)] = 6
    """Length of the blocks of append time in which a product's sales are compared, hours."""
    outlier_score: Annotated[float, Field(gt=0)] = 5.0
    """Smallest leave-one-out z-score, either way, that makes a sale an outlier."""
    surge_seconds: Annotated[int, Field(ge=12, le=3_600, multiple_of=3)] = 120
    """Earlier seconds of the same category that a second's sales are compared with."""
    surge_score: Annotated[float, Field(gt=0)] = 4.5
    """Smallest score, either way, that makes a second a surge or a drought."""
    deduplicate_minutes: Annotated[int, Field(ge=0, le=1_440)] = 0
    """Count a transactionId once in each block of append time of this length, minutes. 0 is off:
    every copy counts. It costs memory for each sale; see docs/explanation/job.md."""


class QuarantineSettings(Section):
    """What is kept of the records that were not accepted; all of them are counted."""

    max_records: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    """Records that are kept; then the oldest of the most frequent reason make room."""
    max_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 64
    """Bytes of these records that are kept, MiB."""
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = 20
    """Largest share of a processor that explaining them may take, percent."""


class Settings(BaseSettings):
    """Everything an operator may set; see docs/reference/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str=NONE,
        extra="forbid",
        frozen=True,
    )

    home: Annotated[Path, AfterValidator(_own_folder)] = Path(".spaf")
    """Run folder: data, logs, pids, generated passwords; new, empty, or made by SPAF."""
    kafka: KafkaSettings = KafkaSettings()
    flink: FlinkSettings = FlinkSettings()
    postgres: PostgresSettings = PostgresSettings()
    locust: LocustSettings = LocustSettings()
    serve: ServeSettings = ServeSettings()
    sale: SaleSettings = SaleSettings()
    generate: GenerateSettings = GenerateSettings()
    job: JobSettings = JobSettings()
    quarantine: QuarantineSettings = QuarantineSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of the signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - part of the signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Order the sources: flags, then environment, then `spaf.toml`."""
        toml = TomlConfigSettingsSource(settings_cls, SETTINGS_FILE)
        return init_settings, env_settings, toml


def load(**flags: Any) -> Settings:
    """Return the settings, flags on top.

    Raises:
        SettingsError: names the field, its value, and what is allowed.

    """
    _refuse_unknown_variables()
    try:
        return Settings(**flags)
    except ValidationError as error:
        raise SettingsError(
            "\n".join(map(_told, error.errors(include_url=False))),
            todo=f"Correct it in {SETTINGS_FILE}, in the SPAF_* environment or in the flags.",
        ) from None
    except UnreadableVariable as error:
        raise _unreadable(error) from None
    except ValueError as error:
        raise SettingsError(f"{SETTINGS_FILE}: {error}", todo="Correct the file.") from None


def environment(settings: Settings) -> dict[str, str]:
    """Return the `SPAF_*` environment that gives another process exactly these settings."""
    plain: dict[str, str] = {}
    for name, value in settings:
        if isinstance(value, Section):
            for key, inner in value:
                plain[_variable(name, key)] = _written(inner)
        else:
            plain[_variable(name)] = _written(value)
    return plain


def _variable(*path: str) -> str:
    return f"{PREFIX}{'__'.join(path)}".upper()


def _written(value: Any) -> str:
    """Return a value as a variable says it.

    None is said too: a process inherits the variables of its parent, and reads `spaf.toml`.
    """
    if value is None:
        return NONE
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(shown) if isinstance(shown, tuple) else str(shown)


def _refuse_unknown_variables() -> None:
    """Refuse variables that would have no effect; within a section pydantic does it."""
    for name in filter(lambda name: name.upper().startswith(PREFIX), os.environ):
        top = name[len(PREFIX) :].partition("__")[0].lower()
        if top not in Settings.model_fields:
            known = environment(Settings.model_construct())
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)[0]
            raise SettingsError(
                f"{name}: there is no such setting.", todo=f"Did you mean {nearest}? Else unset it."
            )


def _unreadable(error: UnreadableVariable) -> SettingsError:
    """Name the variable of a whole section that is no JSON; pydantic names the section only."""
    section = re.findall(r'field "(\w+)"', str(error))[0]
    first = next(iter(type(Settings.model_fields[section].default).model_fields))
    return SettingsError(
        f"{_variable(section)}: {section} is a section, not a value.",
        todo=f"Name one of its settings, such as {_variable(section, first)}.",
    )


def _told(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    return f"{name} = {_shown(problem)}: {problem['msg'].removeprefix('Value error, ')}"


def _shown(problem: Any) -> str:
    """Return the refused value, but never one that may hold a password.

    Of the database only what is known to be none is shown: a misspelt `dsn` is not called so.
    """
    section, *names = problem["loc"]
    database = section == "postgres" and names not in (["port"], ["schema_name"])
    text = repr(problem["input"])
    return "**********" if database or _SECRET.search(text) else text
