"""The settings: defaults < `spaf.toml` < `SPAF_*` variables < command-line flags.

`SPAF_KAFKA__PORT=9093` and

    [kafka]
    port = 9093

in `spaf.toml` mean the same. A variable with the value `null` unsets the value of the file. Secrets
are masked in every output.
"""

from __future__ import annotations

import difflib
import ipaddress
import json
import os
import pwd
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

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
# The value of a variable that means None.
NONE = "null"
# A value that matches may contain a password, whatever the name of the setting.
_SECRET = re.compile(r"://.*@|passw", re.DOTALL | re.IGNORECASE)

# Above it a broker only copies more often what others have.
MAX_REPLICAS = 16
# The catalogue takes about 500 bytes a product in each generating process.
MAX_PRODUCTS = 2_000_000
# The page shows a day, and a day has up to 25 hours. Seconds.
MIN_KEEP_S = 26 * 3_600
# The state of the job outlives the lateness by this: a job that resumes writes such rows. Seconds.
RETENTION_SLACK_S = 3_600
# Partitions of a topic and tasks of the job.
MAX_PARTITIONS = 64
# A duration: seconds, or a number with its unit.
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SECRET_NAME = re.compile(r"pass|pw|secret|key|token|cred|jaas", re.IGNORECASE)
MAX_PORT = 65_535
# Far more brokers than one cluster has.
MAX_NODE_ID = 999
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")


def _own_folder(home: Path) -> Path:
    """Refuse folders that hold more than a run; an empty name is the current folder."""
    try:
        real = home.resolve()
    except RuntimeError as error:
        raise ValueError("is a link that leads to itself") from error
    if real in (Path("/"), _account_folder(), Path.cwd()):
        raise ValueError("must be a folder of its own, not /, your home or the current folder")
    return home


def _account_folder() -> Path | None:
    """Return the home folder of the account; None for an account without an entry."""
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()
    except KeyError:
        return None


def _topic_name(name: str) -> str:
    if name in (".", ".."):
        raise ValueError("Kafka has no topic of this name")
    return name


def _listed(value: Any) -> Any:
    """Split `BRL,USD` and `["BRL","USD"]`: a code has neither commas nor quotes."""
    if isinstance(value, str):
        return [code.strip(" \"'") for code in value.strip("[] ").split(",")]
    return value


def _words(value: Any) -> Any:
    """Split `-Xint -XX:+UseG1GC`, and read a list in JSON, as another process passes it on."""
    return _items(value, None)


def _names(value: Any) -> Any:
    """Split `ana,rui`, and read a list in JSON, as another process passes it on."""
    return _items(value, ",")


def _items(value: Any, separator: str | None) -> Any:
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [item for item in map(str.strip, value.split(separator)) if item]
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"is no list: {error}") from None


def _network(text: str) -> str:
    """Require an address or a network; that of all addresses would trust every client."""
    network = ipaddress.ip_network(text)
    if network.prefixlen == 0:
        raise ValueError("means every address, so every client could name itself")
    return text


def duration_s(text: str) -> int | None:
    """Return the seconds that a text such as 7d, 36h, 90m or 600 means; None for another text."""
    match = _DURATION.fullmatch(text.strip().lower())
    return None if match is None else round(float(match[1]) * _UNITS_S[match[2]])


def _duration(value: Any) -> Any:
    """Return seconds; a text is a number with its unit."""
    if not isinstance(value, str):
        return value
    seconds = duration_s(value)
    if seconds is None:
        raise ValueError("is no duration: write 7d, 36h, 90m or seconds")
    return seconds


def _plain_address(url: AnyHttpUrl) -> AnyHttpUrl:
    if url.query or url.fragment or url.username or url.password:
        raise ValueError("must be scheme, host, port and path only")
    return url


def _plain_addresses(value: str) -> str:
    """Return the addresses of servers of one kind, with commas between, in their normal form."""
    try:
        urls = [_plain_address(AnyHttpUrl(address.strip())) for address in value.split(",")]
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    if len({url.scheme for url in urls}) > 1:
        raise ValueError("must be http:// or https:// addresses, not both")
    return ",".join(str(url) for url in urls)


def _storage_uri(uri: str) -> str:
    """Return a URI of Flink; a login for it belongs into Flink's own configuration."""
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*:/[^\s@]+", uri):
        raise ValueError("must be a URI without a login, such as file:///shared or s3://bucket/a")
    return uri.rstrip("/")


def _file(path: Path) -> Path:
    """Return the path from the root: each process has a working directory of its own."""
    return path.absolute()


def _ip_address(value: str) -> str:
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("is no IP address, such as 0.0.0.0 for every network") from None


def _host_and_port(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not _HOST_NAME.fullmatch(host) or not port.isdecimal() or not 0 < int(port) <= MAX_PORT:
        raise ValueError("must be host:port, such as 127.0.0.1:9092")
    return value


def _controllers(value: str) -> str:
    """Check `1@kafka:9093,2@kafka-2:9093`: every node has a number of its own."""
    nodes = [node.strip().partition("@") for node in value.split(",")]
    for number, _, address in nodes:
        if not number.isdecimal() or not 0 < int(number) <= MAX_NODE_ID:
            raise ValueError("must be node@host:port, with commas between, such as 1@kafka:9093")
        _host_and_port(address)
    if len({int(number) for number, _, _ in nodes}) < len(nodes):
        raise ValueError("names a node twice")
    return ",".join(map("".join, nodes))


def _upper(value: Any) -> Any:
    return value.strip().upper().replace("_", "-") if isinstance(value, str) else value


def _protocol(value: Any) -> Any:
    return value.strip().upper().replace("-", "_") if isinstance(value, str) else value


def _mechanism(value: str) -> str:
    if value not in MECHANISMS:
        raise ValueError(f"SPAF logs in with {', '.join(MECHANISMS[:-1])} or {MECHANISMS[-1]} only")
    return value


MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
FilePath = Annotated[Path, AfterValidator(_file)]
Durability = Literal["memory", "disk"]
SecurityProtocol = Annotated[
    Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], BeforeValidator(_protocol)
]
SaslMechanism = Annotated[str, BeforeValidator(_upper), AfterValidator(_mechanism)]
Duration = Annotated[int, Field(ge=1), BeforeValidator(_duration)]
RestUrl = Annotated[str, AfterValidator(_plain_addresses)]
ServerAddresses = Annotated[str, Field(pattern=r"^[^\s,/]+:\d{1,5}(,[^\s,/]+:\d{1,5})*$")]
Port = Annotated[int, Field(ge=1, le=MAX_PORT)]
IpAddress = Annotated[str, AfterValidator(_ip_address)]
HostName = Annotated[str, Field(pattern=rf"^(?:{_HOST_NAME.pattern}|[0-9A-Fa-f:.]+)$")]
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
Controllers = Annotated[str, AfterValidator(_controllers)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
# Names that need no quotes: the JDBC sink writes none into its SQL.
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$"), AfterValidator(_topic_name)]
# Properties (-D) may be passwords, and a word without a dash is the class that a JVM starts.
StorageUri = Annotated[str, AfterValidator(_storage_uri)]
JvmOption = Annotated[str, Field(pattern=r"^-X\S+$")]
PublicUrl = Annotated[AnyHttpUrl, AfterValidator(_plain_address)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
NetworkName = Annotated[str, AfterValidator(_network)]
PersonName = Annotated[str, Field(pattern=r"^[^\x00-\x1f,]{1,200}$")]
SchemaName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]


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
    jvm_options: Annotated[tuple[JvmOption, ...], BeforeValidator(_words), NoDecode] = ()
    """Further options of the JVM of each TaskManager that SPAF starts, with blanks between, such as
    `-XX:-DontCompileHugeMethods`. One that chooses a collector replaces SPAF's choice."""
    heartbeat_timeout_s: Annotated[int, Field(ge=2, le=3_600)] = 8
    """Seconds of silence after which JobManager and TaskManager take each other for dead, and the
    job restarts. More suits a machine that stands still for seconds, as a laptop does that sleeps.
    A TaskManager that has ended is noticed at once all the same; a JobManager is not."""
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

    Every client is told the port of the proxy, which passes on to the port of the service;
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
    `serve.identity_header` the page has roles, and nobody sees it without one."""
    operator_token_file: FilePath | None = None
    """File with the token of the people who also start, stop and change the load, inject anomalies
    and measure."""
    identity_header: HeaderName | None = None
    """Header in which a proxy names the person that it has let in, such as `X-Forwarded-User`. This
    person is a viewer, or an operator by `serve.operators`."""
    trusted_proxies: Annotated[tuple[NetworkName, ...], BeforeValidator(_names), NoDecode] = ()
    """Addresses or networks of this proxy (`10.0.0.7,10.1.0.0/16`). From no other address the
    header counts."""
    operators: Annotated[tuple[PersonName, ...], BeforeValidator(_names), NoDecode] = ()
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
    currencies: Annotated[
        tuple[Currency, ...], Field(min_length=1), BeforeValidator(_listed), NoDecode
    ] = ("BRL",)
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

    home: Annotated[Path, AfterValidator(_own_folder)] = Path(".spaf")
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


def load(**flags: Any) -> Settings:
    """Return the settings, flags on top.

    Raises:
        SettingsError: a value is not allowed, or a name is unknown.

    """
    _refuse_unknown_variables()
    try:
        Path.cwd()
        settings = Settings(**flags)
    except FileNotFoundError:
        raise SettingsError(
            "The current folder does not exist any more.", todo="Change to another one."
        ) from None
    except ValidationError as error:
        raise SettingsError(
            "\n".join(map(_problem_line, error.errors(include_url=False))),
            todo=f"Correct it in {SETTINGS_FILE}, in the SPAF_* variables or in the flags.",
        ) from None
    except UnreadableVariable as error:
        raise _unreadable(error) from None
    except ValueError as error:
        raise SettingsError(f"{SETTINGS_FILE}: {error}", todo="Correct the file.") from None
    problems = list(_contradictions(settings))
    if problems:
        raise SettingsError(
            "\n".join(problems),
            todo=f"Correct it in {SETTINGS_FILE}, in the SPAF_* variables or in the flags.",
        )
    return settings


def secret(section: Section, name: str) -> str:
    """Return a secret of a section, from its setting or from its file; empty without one.

    Raises:
        SettingsError: the file cannot be read.

    """
    value, file = getattr(section, name), getattr(section, f"{name}_file")
    if value is not None:
        text: str = value.get_secret_value()
        return text
    if file is None:
        return ""
    try:
        return str(file.read_text(encoding="utf-8").strip("\r\n"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        where = f"{_section_name(section)}.{name}_file"
        raise SettingsError(f"{where} = {file}: {reason}.", todo="Correct the setting.") from None


def _section_name(section: Section) -> str:
    return type(section).__name__.removesuffix("Settings").lower()


def _contradictions(settings: Settings) -> Iterator[str]:
    """Yield a line for each setting that another one excludes or requires."""
    kafka, flink, postgres = settings.kafka, settings.flink, settings.postgres
    for section, names in (
        (kafka, ("password", "key_password")),
        (flink, ("key_password",)),
        (settings.service, ("key_password",)),
        (postgres, ("dsn", "password")),
    ):
        for name in names:
            if getattr(section, name) is not None and getattr(section, f"{name}_file") is not None:
                both = f"{_section_name(section)}.{name}"
                yield f"{both} and {both}_file are both set: set one of them."
    yield from _kafka_contradictions(kafka)
    yield from _replica_contradictions(kafka)
    yield from _page_contradictions(settings.serve)
    yield from _retention_contradictions(settings)
    products = settings.generate.categories * settings.generate.products_per_category
    if products > MAX_PRODUCTS:
        yield (
            f"generate.categories times generate.products_per_category is {products:,}; the "
            f"catalogue is held in memory: at most {MAX_PRODUCTS:,}."
        )
    tls = [f"flink.{name}" for name in TlsSection.model_fields if getattr(flink, name) is not None]
    if tls and (flink.rest_url is None or not flink.rest_url.startswith("https:")):
        yield f"{tls[0]} is set, but flink.rest_url is no https:// address."
    if flink.zookeeper is not None and flink.high_availability == "none":
        yield ("flink.zookeeper is set, but flink.high_availability is none: set it to zookeeper.")
    if not postgres.external and (postgres.password or postgres.password_file):
        yield "postgres.password is set, but neither postgres.dsn nor postgres.dsn_file."
    if postgres.external and postgres.host is not None:
        yield "postgres.host and postgres.dsn are both set: set one of them."
    if postgres.ca_file is not None and postgres.host is None:
        yield "postgres.ca_file is set, but postgres.host is not: a postgres.dsn has sslrootcert."
    yield from _half_certified(settings.service)


def _kafka_contradictions(kafka: KafkaSettings) -> Iterator[str]:
    protocol = kafka.security_protocol
    nodes = kafka.nodes
    if kafka.node_id not in nodes and (nodes or kafka.node_id != 1):
        yield f"kafka.node_id is {kafka.node_id}, but kafka.controllers names no such node."
    if kafka.public_port == kafka.port:
        yield (
            f"kafka.public_address has the port {kafka.port} of kafka.port: clients inside and "
            "outside need two ports."
        )
    if protocol != "PLAINTEXT" and kafka.bootstrap_servers is None:
        yield (
            f"kafka.security_protocol is {protocol}, but kafka.bootstrap_servers names no Kafka: "
            "the broker that SPAF starts has no TLS."
        )
    login = {
        "kafka.sasl_mechanism": kafka.sasl_mechanism,
        "kafka.username": kafka.username,
        "kafka.password": kafka.password or kafka.password_file,
    }
    given = [name for name, value in login.items() if value is not None]
    if protocol.startswith("SASL"):
        for name in (name for name in login if name not in given):
            yield f"kafka.security_protocol is {protocol}, but {name} is not set."
    elif given:
        yield (
            f"{given[0]} is set, but kafka.security_protocol is {protocol}: "
            "set it to SASL_SSL, or to SASL_PLAINTEXT for a Kafka without TLS."
        )
    tls = [name for name in TlsSection.model_fields if getattr(kafka, name) is not None]
    if tls and not protocol.endswith("SSL"):
        yield (
            f"kafka.{tls[0]} is set, but kafka.security_protocol is {protocol}: "
            "set it to SSL or SASL_SSL."
        )


def _half_certified(service: ServiceSettings) -> Iterator[str]:
    names = ("ca_file", "cert_file", "key_file")
    given = [name for name in names if getattr(service, name) is not None]
    missing = [name for name in names if name not in given]
    if given and missing:
        yield (
            f"service.{given[0]} is set, but service.{missing[0]} is not: set ca_file, cert_file "
            "and key_file, or none of them."
        )


def _replica_contradictions(kafka: KafkaSettings) -> Iterator[str]:
    if kafka.min_insync is None:
        return
    if kafka.replication is None:
        yield "kafka.min_insync is set, but kafka.replication is not: set both or none."
    elif kafka.min_insync > kafka.replication:
        yield (
            f"kafka.min_insync is {kafka.min_insync}, but kafka.replication is "
            f"{kafka.replication}: no sale could be sent."
        )


def _page_contradictions(serve: ServeSettings) -> Iterator[str]:
    host = "" if serve.public_url is None else (serve.public_url.host or "").strip("[]")
    if host and not _is_loopback(host) and not serve.has_roles:
        yield (
            f"serve.public_url is {serve.public_url}, but the page has no roles, so everyone there "
            "could control the load: set serve.operator_token_file and serve.viewer_token_file, or "
            "serve.identity_header."
        )
    if serve.identity_header is not None and not serve.trusted_proxies:
        yield (
            f"serve.identity_header is {serve.identity_header}, but serve.trusted_proxies is "
            "empty: it names the addresses from which this header counts."
        )
    if serve.identity_header is None:
        for name in ("trusted_proxies", "operators"):
            if getattr(serve, name):
                yield f"serve.{name} is set, but serve.identity_header is not."


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def retention_reserve_s(settings: Settings) -> int:
    """Return for how long after a second a record may still change its rows, seconds."""
    sale, block_s = settings.sale, settings.job.deduplicate_minutes * 60
    return sale.max_lateness_s + sale.max_ahead_s + block_s + RETENTION_SLACK_S


def _retention_contradictions(settings: Settings) -> Iterator[str]:
    """Yield a line for each retention that is shorter than what the job needs."""
    reserve_s = retention_reserve_s(settings)
    keep, retention = settings.store.keep, settings.kafka.retention
    least = max(MIN_KEEP_S, 2 * reserve_s)
    if keep is not None and keep < least:
        yield (
            f"store.keep is {keep} s, but at least {least} s are needed: the page shows a day, and "
            "late sales and a job that resumes change older rows."
        )
    if retention is not None and retention < 2 * reserve_s:
        yield (
            f"kafka.retention is {retention} s, but at least {2 * reserve_s} s are needed: a job "
            "that cannot resume counts what the topic holds."
        )


def environment(settings: Settings) -> dict[str, str]:
    """Return the `SPAF_*` variables with which another process has exactly these settings."""
    plain: dict[str, str] = {}
    for name, value in settings:
        if isinstance(value, Section):
            for key, inner in value:
                plain[_variable(name, key)] = _variable_value(inner)
        else:
            plain[_variable(name)] = _variable_value(value)
    return plain


def _variable(*path: str) -> str:
    return f"{PREFIX}{'__'.join(path)}".upper()


def _variable_value(value: Any) -> str:
    """Return a value in the syntax of a variable.

    None has to be written too: a process inherits the variables of its parent, and reads
    `spaf.toml`.
    """
    if value is None:
        return NONE
    plain = value.get_secret_value() if isinstance(value, SecretStr) else value
    return json.dumps(plain) if isinstance(plain, tuple) else str(plain)


def _refuse_unknown_variables() -> None:
    """Refuse variables without a setting; within a section pydantic refuses them."""
    for name in filter(lambda name: name.upper().startswith(PREFIX), os.environ):
        top = name[len(PREFIX) :].partition("__")[0].lower()
        if top not in Settings.model_fields:
            known = environment(Settings.model_construct())
            nearest = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0)[0]
            raise SettingsError(
                f"{name}: there is no such setting.",
                todo=f"Did you mean {nearest}? Otherwise unset the variable.",
            )


def _unreadable(error: UnreadableVariable) -> SettingsError:
    """Return the error for a variable of a whole section; pydantic names only the section."""
    section = re.findall(r'field "(\w+)"', str(error))[0]
    first = next(iter(type(Settings.model_fields[section].default).__annotations__))
    return SettingsError(
        f"{_variable(section)}: {section} is a section, not a value.",
        todo=f"Name one of its settings, such as {_variable(section, first)}.",
    )


def _problem_line(problem: Any) -> str:
    name = ".".join(map(str, problem["loc"]))
    return f"{name} = {_shown(problem)}: {problem['msg'].removeprefix('Value error, ')}"


def _shown(problem: Any) -> str:
    """Return the refused value, masked if it may contain a password.

    The misspelt name of a secret is unknown: in the section of the database every unknown name is
    masked, elsewhere one that sounds like a secret.
    """
    section, *names = problem["loc"]
    default = getattr(Settings.model_fields.get(section), "default", None)
    fields = getattr(type(default), "model_fields", {})
    known = [fields[name] for name in names if name in fields]
    unknown = [str(name) for name in names if name not in fields]
    hidden = any("SecretStr" in str(field.annotation) for field in known) or any(
        section == "postgres" or _SECRET_NAME.search(name) for name in unknown
    )
    text = repr(problem["input"])
    return "**********" if hidden or _SECRET.search(text) else text
