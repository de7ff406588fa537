"""The types of the settings' values, and what is refused of a value alone."""

from __future__ import annotations

import ipaddress
import json
import os
import pwd
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AnyHttpUrl, BeforeValidator, Field, ValidationError
from pydantic_settings import NoDecode

# A duration: seconds, or a number with its unit.
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhd]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
MAX_PORT = 65_535
# Far more brokers than one cluster has.
MAX_NODE_ID = 999
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\]")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


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
Currencies = Annotated[
    tuple[Currency, ...], Field(min_length=1), BeforeValidator(_listed), NoDecode
]
# Names that need no quotes: the JDBC sink writes none into its SQL.
TopicName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,200}$"), AfterValidator(_topic_name)]
# Properties (-D) may be passwords, and a word without a dash is the class that a JVM starts.
StorageUri = Annotated[str, AfterValidator(_storage_uri)]
JvmOption = Annotated[str, Field(pattern=r"^-X\S+$")]
JvmOptions = Annotated[tuple[JvmOption, ...], BeforeValidator(_words), NoDecode]
PublicUrl = Annotated[AnyHttpUrl, AfterValidator(_plain_address)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
NetworkName = Annotated[str, AfterValidator(_network)]
NetworkNames = Annotated[tuple[NetworkName, ...], BeforeValidator(_names), NoDecode]
PersonName = Annotated[str, Field(pattern=r"^[^\x00-\x1f,]{1,200}$")]
PersonNames = Annotated[tuple[PersonName, ...], BeforeValidator(_names), NoDecode]
SchemaName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
HomeFolder = Annotated[Path, AfterValidator(_own_folder)]
