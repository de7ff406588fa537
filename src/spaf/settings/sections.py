"""The sections of the settings: every name, its default and its meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from spaf.settings.values import (
    MAX_NODE_ID,
    Controllers,
    Currencies,
    Currency,
    Durability,
    Duration,
    FilePath,
    HeaderName,
    HomeFolder,
    HostAndPort,
    HostName,
    IpAddress,
    JvmOptions,
    NetworkNames,
    PersonNames,
    Port,
    PublicUrl,
    RestUrl,
    SaslMechanism,
    SchemaName,
    SecurityProtocol,
    ServerAddresses,
    StorageUri,
    TopicName,
)

SETTINGS_FILE = Path("spaf.toml")
PREFIX = "SPAF_"
# The value of a variable that means None.
NONE = "null"
# Above it a broker only copies more often what others have.
MAX_REPLICAS = 16
# The catalogue takes about 500 bytes a product in each generating process.
MAX_PRODUCTS = 2_000_000
# Partitions of a topic and tasks of the job.
MAX_PARTITIONS = 64


class Section(BaseModel):
    """A section of the settings; an unknown name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TlsSection(Section):
    """The certificates for a server of the user's own."""

    ca_file: FilePath | None = None
    """PEM file of the authorities to trust; without it those of the system."""
    cert_file: FilePath | None = None
    """PEM file of the client's certificate and its chain."""
    key_file: FilePath | None = None
    """PEM file of the key of this certificate."""
    key_password: SecretStr | None = None
    """Password of this key, if it is encrypted."""
    key_password_file: FilePath | None = None
    """File with this password, instead of the setting."""


class KafkaSettings(TlsSection):
    """The topic of the sales, and the Kafka broker."""

    bootstrap_servers: str | None = None
    """Addresses of an existing Kafka (`host:port,...`); without them SPAF starts a broker."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """Protocol of an existing Kafka: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL."""
    sasl_mechanism: SaslMechanism | None = None
    """How to log in with SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."""
    username: str | None = None
    """User for SASL; the key of an API key."""
    password: SecretStr | None = None
    """Password for SASL; the secret of an API key."""
    password_file: FilePath | None = None
    """File with this password, instead of the setting."""
    port: Port = 9092
    """Port of the broker that SPAF starts; if it is taken, the next free port."""
    topic: TopicName = "vendas-simuladas"
    """Topic of the sales; if it is missing, it is created with LogAppendTime timestamps."""
    partitions: Annotated[int, Field(ge=1, le=MAX_PARTITIONS)] = 1
    """Number of partitions if SPAF creates the topic; an existing one must have as many."""
    replication: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] | None = None
    """Number of replicas of each partition if SPAF creates the topic, at most one a broker; an
    existing topic must have as many. Without it the brokers decide."""
    min_insync: Annotated[int, Field(ge=1, le=MAX_REPLICAS)] | None = None
    """Number of replicas that must hold a sale before it counts as sent, if SPAF creates the topic;
    an existing topic must require as many. Fewer than `kafka.replication`, or sales stop with one
    broker. Without it the brokers decide."""
    retention: Duration | None = None
    """How long the topic keeps its sales, such as `7d` or `36h`: SPAF sets `retention.ms` and
    `segment.ms` of the topic. Without it SPAF creates a topic that keeps all, and alters none."""
    durability: Durability = "memory"
    """When a sale counts as sent: once the broker that SPAF starts has it in `memory`, which
    survives everything but a power failure, or on the `disk`, which survives that too."""
    heap_mib: Annotated[int, Field(ge=128, le=32_768)] = 384
    """Maximum heap of the broker that SPAF starts, MiB."""
    node_id: Annotated[int, Field(ge=1, le=MAX_NODE_ID)] = 1
    """Number of the broker that `spaf service kafka` runs, among those of its cluster."""
    controllers: Controllers | None = None
    """All brokers of a cluster whose brokers `spaf service kafka` runs, each as node@host:port of
    its controller: `1@kafka:9093,2@kafka-2:9093,3@kafka-3:9093`. Without it the broker is alone."""
    public_address: HostAndPort | None = None
    """Address (`host:port`) that the broker of `spaf service kafka` tells clients outside of its
    network, for whom it listens at this port too; those inside use `service.host` and
    `kafka.port`."""

    @property
    def nodes(self) -> dict[int, str]:
        """Return the address of the controller of each broker, by its number."""
        nodes = (node.partition("@") for node in (self.controllers or "").split(",") if node)
        return {int(number): address for number, _, address in nodes}

    @property
    def public_port(self) -> int | None:
        """Return the port of `public_address`."""
        address = self.public_address
        return None if address is None else int(address.rpartition(":")[2])


class FlinkSettings(TlsSection):
    """The Flink cluster of the job."""

    rest_url: RestUrl | None = None
    """REST address of an existing Flink (`http://host:8081`, `https://...`); without it SPAF starts
    a cluster. Of several JobManagers, with commas between, the first one that answers is used."""
    high_availability: Literal["none", "zookeeper"] = "none"
    """`zookeeper`: SPAF starts a second JobManager, which goes on with the job when the leading one
    is lost, and a ZooKeeper, by which they elect the leader. `none`: one JobManager; the supervisor
    restarts it, and submits the job again."""
    zookeeper: ServerAddresses | None = None
    """Addresses of an existing ZooKeeper for this (`host:port,...`); without them SPAF starts
    one."""
    zookeeper_port: Port = 2181
    """Port of the ZooKeeper that SPAF starts; if it is taken, the next free port."""
    checkpoints: StorageUri | None = None
    """Folder for checkpoints of an existing Flink, which its JobManager and its TaskManagers reach
    (`file:///shared/checkpoints`, `s3://...`); without it the cluster's own one."""
    port: Port = 8081
    """REST and web port of the JobManager that SPAF starts; if it is taken, the next free port."""
    task_managers: Annotated[int, Field(ge=1, le=16)] = 1
    """Number of TaskManagers that SPAF starts."""
    slots: Annotated[int, Field(ge=1, le=64)] = 2
    """Task slots of each TaskManager that SPAF starts."""
    task_heap_mib: Annotated[int, Field(ge=128, le=65_536)] = 320
    """Task heap of each TaskManager that SPAF starts, MiB."""
    second_compiler: bool = True
    """Whether the TaskManagers that SPAF starts compile what runs often a second time, to faster
    code. `false` saves processor time in a run of a minute; in a longer one `true` does."""
    second_compiler_delay: Annotated[int, Field(ge=1, le=1_000)] = 10
    """How many times as many calls of a method as by default before they do so: a larger number
    saves processor time in the first minutes; 1 suits a long log that is read at full speed."""
    jvm_options: JvmOptions = ()
    """Further options of the JVM of each TaskManager that SPAF starts, with blanks between, such as
    `-XX:-DontCompileHugeMethods`. One that chooses a collector replaces SPAF's choice."""
    heartbeat_timeout_s: Annotated[int, Field(ge=2, le=3_600)] | None = None
    """Seconds of silence after which JobManager and TaskManager take each other for dead, and the
    job restarts. More suits a machine that stands still for seconds, as a laptop does that sleeps.
    A process that has ended is noticed at once all the same. Without it 40 s where `spaf up` starts
    one TaskManager and one JobManager, for which no other one takes over, and else 8 s."""
    profiling: bool = False
    """Whether the TaskManagers that SPAF starts keep the debug information that a profiler needs;
    `spaf bench drain --profile` sets it."""
    jobmanager: HostName | None = None
    """Host of the JobManager, for the TaskManager that `spaf service taskmanager` runs."""
    public_url: PublicUrl | None = None
    """Address at which browsers reach Flink's page, for the link on SPAF's page; without it the
    address that SPAF itself uses."""


class PostgresSettings(Section):
    """The database of the result tables."""

    dsn: SecretStr | None = None
    """Connection string of an existing PostgreSQL (`postgresql://user:password@host/db`); its
    account migrates, writes and reads. Without it SPAF starts a server, with three roles."""
    dsn_file: FilePath | None = None
    """File with this string, instead of the setting."""
    password: SecretStr | None = None
    """Password of the account, if the connection string has none."""
    password_file: FilePath | None = None
    """File with this password, instead of the setting."""
    host: HostName | None = None
    """Host of a PostgreSQL that `spaf service postgres` runs, at `postgres.port`; SPAF makes its
    roles and tables there."""
    ca_file: FilePath | None = None
    """PEM file of the authority of that host's certificate: connections to it are encrypted, and
    the certificate must be for the host. The TaskManagers read this file too."""
    port: Port = 5432
    """Port of the PostgreSQL that SPAF starts; if it is taken, the next free port."""
    schema_name: SchemaName = "public"
    """Schema of the tables."""

    @property
    def external(self) -> bool:
        """Whether the settings name a PostgreSQL of the user's own."""
        return self.dsn is not None or self.dsn_file is not None

    @property
    def elsewhere(self) -> bool:
        """Whether the settings name a PostgreSQL that a run does not start."""
        return self.external or self.host is not None


class StoreSettings(Section):
    """How long the result tables keep their rows."""

    keep: Duration | None = None
    """How long rows are kept at least, such as `30d`; at most a day more. The oldest day is dropped
    at once, and its sums stay in the accounts. Without it everything is kept."""


class ProxySettings(Section):
    """Ports of TCP proxies that stand before the services that SPAF starts.

    Every client gets the port of the proxy, which passes on to the port of the service;
    `spaf chaos` disturbs the network so.
    """

    kafka: Port | None = None
    """Port of a proxy before the broker (`kafka.port`)."""
    postgres: Port | None = None
    """Port of a proxy before PostgreSQL (`postgres.port`)."""
    flink: Port | None = None
    """Port of a proxy before the REST API of the JobManager (`flink.port`)."""
    rpc: Port | None = None
    """Port of a proxy before the RPC port of the JobManager, which TaskManagers connect to."""
    rpc_target: Port | None = None
    """RPC port of the JobManager, to which that proxy passes on; without it any free port."""


class LocustSettings(Section):
    """The web page of Locust."""

    port: Port = 8089
    """Port of Locust's page; if it is taken, the next free port."""
    url: PublicUrl | None = None
    """Address of a Locust that `spaf service locust` runs (`http://locust:8089`); without it SPAF
    starts one. Both need the same run folder, where the labels and results of a load are."""
    public_url: PublicUrl | None = None
    """Address at which browsers reach Locust's page, for the link on SPAF's page; without it the
    address that SPAF itself uses."""


class ServeSettings(Section):
    """The live page."""

    port: Port = 8080
    """Port of the live page, on 127.0.0.1; if it is taken, the next free port."""
    public_url: PublicUrl | None = None
    """Address at which a proxy publishes the page (`https://host/path`). Without it the page
    answers only to this machine's own names, at any port."""
    viewer_token_file: FilePath | None = None
    """File with the token of the people who only read the page. With this setting, the next one or
    `serve.identity_header` the page has roles, and no one sees it without one."""
    operator_token_file: FilePath | None = None
    """File with the token of the people who also start, stop and change the load, inject anomalies
    and measure."""
    identity_header: HeaderName | None = None
    """Header in which a proxy names the person that it has let in, such as `X-Forwarded-User`. This
    person is a viewer, or an operator by `serve.operators`."""
    trusted_proxies: NetworkNames = ()
    """Addresses or networks of this proxy (`10.0.0.7,10.1.0.0/16`). From no other address the
    header counts."""
    operators: PersonNames = ()
    """Names in this header that are operators (`ana@example.com,rui@example.com`)."""
    without_roles: bool = False
    """Whether `spaf service page` may listen for other hosts (`service.bind`) without roles: only
    where the network lets none but this machine in, as a container whose port is published on
    127.0.0.1."""
    browser: str | None = None
    """Name or path of the Chromium in which the page is measured; else the first one found."""

    @property
    def has_roles(self) -> bool:
        """Whether the page distinguishes viewers and operators."""
        ways = (self.viewer_token_file, self.operator_token_file, self.identity_header)
        return any(way is not None for way in ways)


class ServiceSettings(TlsSection):
    """One service on its own, in a container or on a host of its own: `spaf service NAME`."""

    bind: IpAddress = "127.0.0.1"
    """IP address at which the service listens; `0.0.0.0` for every network of the container."""
    host: HostName | None = None
    """Name or IP address by which other hosts reach the service; without it that of its host."""
    secrets_file: FilePath | None = None
    """File with the passwords of PostgreSQL's accounts: `spaf service postgres` makes it, `spaf
    service page` reads it. Without it `secrets.json` in the run folder."""
    ca_file: FilePath | None = None
    """PEM file of the authority whose certificates the services and their clients have; it is set
    together with the next two, and then Kafka, Flink and PostgreSQL speak TLS only."""
    cert_file: FilePath | None = None
    """PEM file of the certificate of the service, for `service.host`, and its chain."""


class SaleSettings(Section):
    """The rules of the event contract that an operator may choose."""

    currency: Currency = "BRL"
    """Currency of a sale without a currency."""
    max_lateness_s: Annotated[int, Field(ge=1, le=86_400)] = 600
    """A sale is late if its event time is more than this before its append time, seconds."""
    max_ahead_s: Annotated[int, Field(ge=0, le=86_400)] = 60
    """A sale is rejected if its event time is more than this after its append time, seconds."""


class GenerateSettings(Section):
    """The simulated sales."""

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 1
    """Seed of the catalogue and of the stream of sales."""
    currencies: Currencies = ("BRL",)
    """Currencies of the sales; most sales have the first one."""
    anomaly_rate: Annotated[float, Field(ge=0, le=0.5)] = 0.0005
    """Fraction of the sales that are generated as labelled anomalies."""
    categories: Annotated[int, Field(ge=1, le=10_000)] = 10
    """Number of categories of the shop. Surges and droughts are found in the first ten one by one,
    in all others together."""
    products_per_category: Annotated[int, Field(ge=1, le=100_000)] = 20
    """Number of products in each category."""
    customers: Annotated[int, Field(ge=1, le=10_000_000)] = 5_000
    """Number of customers of the shop."""
    episode_every_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """Mean time between two episodes (surge, drought, level shift, burst of one customer) on
    Locust's page and in `spaf demo`, seconds; 0 for none. `spaf load` has an option instead."""


class JobSettings(Section):
    """The Flink job."""

    parallelism: Annotated[int, Field(ge=1, le=MAX_PARTITIONS)] = 1
    """Parallel tasks of each operator; at most the number of partitions of the topic."""
    mini_batch_ms: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Batch events for this long before an update, ms: more throughput, more latency. 0: off."""
    flush_ms: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Maximum time before a changed row of sales_summary is written to PostgreSQL, ms."""
    checkpoint_ms: Annotated[int, Field(ge=100, le=3_600_000)] = 5_000
    """Time between two checkpoints, ms."""
    outlier_hours: Annotated[int, Field(ge=1, le=24)] = 6
    """Length of a block of append time in which the sales of a product are compared, hours."""
    outlier_score: Annotated[float, Field(gt=0)] = 5.0
    """Minimum absolute leave-one-out z-score of an outlier."""
    surge_seconds: Annotated[int, Field(ge=12, le=3_600, multiple_of=3)] = 120
    """Number of earlier seconds of a category with which the sales of a second are compared."""
    surge_score: Annotated[float, Field(gt=0)] = 4.5
    """Minimum absolute score of a surge or a drought."""
    series_score: Annotated[float, Field(gt=0)] = 4.8
    """Minimum absolute score of an unusual minute, and of an unusual row of `spaf detect`."""
    deduplicate_minutes: Annotated[int, Field(ge=0, le=1_440)] = 0
    """Length of a block of append time in which a transactionId counts once, minutes. 0: off, every
    copy counts. Each sale in a block needs memory; see docs/explanation/job.md."""


class QuarantineSettings(Section):
    """Limits for the records that were not accepted; all of them are counted."""

    max_records: Annotated[int, Field(ge=100, le=10_000_000)] = 100_000
    """Maximum number of kept records; above it, those of the most frequent reason go first."""
    max_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 64
    """Maximum size of the kept records, MiB."""
    cpu_percent: Annotated[int, Field(ge=1, le=100)] = 20
    """Maximum processor time of the quarantine process, percent of a core."""


class Settings(BaseSettings):
    """Every setting; see docs/reference/settings.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_parse_none_str=NONE,
        extra="forbid",
        frozen=True,
    )

    home: HomeFolder = Path(".spaf")
    """Run folder, for data, logs, state and generated passwords: new, empty, or created by SPAF."""
    kafka: KafkaSettings = KafkaSettings()
    flink: FlinkSettings = FlinkSettings()
    postgres: PostgresSettings = PostgresSettings()
    store: StoreSettings = StoreSettings()
    proxy: ProxySettings = ProxySettings()
    locust: LocustSettings = LocustSettings()
    serve: ServeSettings = ServeSettings()
    service: ServiceSettings = ServiceSettings()
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


def section_name(section: Section) -> str:
    """Return the name of a section, as it is in `spaf.toml`."""
    return type(section).__name__.removesuffix("Settings").lower()
