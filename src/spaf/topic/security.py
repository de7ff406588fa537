"""How clients log in to Kafka: the one place that turns the settings into options of a client.

There are two clients: librdkafka for SPAF itself, and Kafka's own Java client in the job. Both get
the same protocol, login and certificates. A `KafkaAddress` carries them to wherever a client is
opened.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Self

from spaf.settings import KafkaSettings, secret
from spaf.tls import TlsFiles, TlsNames, certificates_pem, key_bytes, speaks_tls

# The connector for Flink has its own copy of Kafka's client, below this package.
SHADED = "org.apache.flink.kafka.shaded."
LOGIN_MODULES = {
    "PLAIN": "org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM": "org.apache.kafka.common.security.scram.ScramLoginModule",
}
# A server in a message of librdkafka: sasl_ssl://host:port/bootstrap
_SERVER = re.compile(r"\w+://(\[[^\]]+\]|[^/\s:]+):(\d+)/")


@dataclass(frozen=True)
class KafkaSecurity:
    """Protocol, login and certificates of the connections to a Kafka."""

    protocol: str = "PLAINTEXT"
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    tls: TlsFiles = field(default_factory=TlsFiles)

    @classmethod
    def of(cls, settings: KafkaSettings) -> Self:
        """Return the security of the settings; the broker that SPAF starts has none.

        Raises:
            SettingsError: a file of the settings cannot be read.

        """
        if settings.bootstrap_servers is None or settings.security_protocol == "PLAINTEXT":
            return cls()
        tls = TlsFiles(
            settings.ca_file,
            settings.cert_file,
            settings.key_file,
            secret(settings, "key_password"),
            TlsNames.of("kafka", "bootstrap_servers"),
        )
        tls.check()
        return cls(
            settings.security_protocol,
            settings.sasl_mechanism or "",
            settings.username or "",
            secret(settings, "password"),
            tls,
        )

    @property
    def encrypted(self) -> bool:
        """Whether the connections use TLS."""
        return self.protocol.endswith("SSL")

    def librdkafka(self) -> dict[str, Any]:
        """Return the options of librdkafka; none without security."""
        if self.protocol == "PLAINTEXT":
            return {}
        tls = self.tls
        options = {
            "security.protocol": self.protocol,
            "sasl.mechanism": self.mechanism,
            "sasl.username": self.username,
            "sasl.password": self.password,
            "ssl.ca.location": str(tls.ca or ""),
            "ssl.certificate.location": str(tls.cert or ""),
            "ssl.key.location": str(tls.key or ""),
            "ssl.key.password": tls.key_password,
        }
        return {name: value for name, value in options.items() if value}

    def java(self) -> dict[str, str]:
        """Return the options of the Java client, certificates included: the job needs no files.

        Raises:
            SettingsError: a file of the settings cannot be read.

        """
        if self.protocol == "PLAINTEXT":
            return {}
        options = {"security.protocol": self.protocol}
        if self.mechanism:
            module = SHADED + LOGIN_MODULES[self.mechanism.partition("-")[0]]
            user, password = _quoted(self.username), _quoted(self.password)
            options |= {
                "sasl.mechanism": self.mechanism,
                "sasl.jaas.config": f"{module} required username={user} password={password};",
            }
        if self.tls.ca is not None:
            options |= {
                "ssl.truststore.type": "PEM",
                "ssl.truststore.certificates": certificates_pem(self.tls.ca_certificates()),
            }
        key = self.tls.private_key()
        if key is not None:
            options |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.certificate.chain": certificates_pem(self.tls.chain()),
                "ssl.keystore.key": key_bytes(key, "PEM").decode(),
            }
        return options

    def secrets(self) -> list[str]:
        """Return the texts that no message may show."""
        return [self.password, _quoted(self.password)[1:-1], self.tls.key_password]


class KafkaAddress(str):
    """Bootstrap servers of a Kafka, as text, with what its clients need to connect."""

    __slots__ = ("security",)
    security: KafkaSecurity

    def __new__(cls, servers: str, security: KafkaSecurity | None = None) -> Self:
        """Return the address; without security the clients connect in plain text."""
        address = super().__new__(cls, servers)
        address.security = security or KafkaSecurity()
        return address

    def __eq__(self, other: object) -> bool:
        """Return whether text and security are the same: clients are kept by their address."""
        same = super().__eq__(other)
        return same and isinstance(other, str) and self.security == security_of(other)

    def __ne__(self, other: object) -> bool:
        """Return the opposite of `==`; a text has a `!=` of its own."""
        return not self == other

    def __hash__(self) -> int:
        """Return the hash of the text."""
        return super().__hash__()

    @classmethod
    def of(cls, servers: str, settings: KafkaSettings) -> Self:
        """Return the address with the security of the settings.

        Raises:
            SettingsError: a file of the settings cannot be read.

        """
        return cls(servers, KafkaSecurity.of(settings))


def security_of(bootstrap: str) -> KafkaSecurity:
    """Return the security of an address; none for a plain text."""
    return bootstrap.security if isinstance(bootstrap, KafkaAddress) else KafkaSecurity()


def is_secure(bootstrap: str) -> bool:
    """Return whether clients of an address use TLS or log in."""
    return security_of(bootstrap).protocol != "PLAINTEXT"


def explained(bootstrap: str, error: str) -> str:
    """Return why Kafka refuses a connection or an operation, and which setting decides on it.

    Args:
        bootstrap: the address.
        error: what librdkafka or Kafka's Java client says.

    Returns:
        Empty if the error is of another kind.

    """
    security = security_of(bootstrap)
    for pattern, sentence in REFUSALS:
        if re.search(pattern, error, re.IGNORECASE):
            return sentence.format(
                user=security.username, mechanism=security.mechanism, protocol=security.protocol
            )
    if re.search(r"\bssl\b|certificate", error, re.IGNORECASE):
        return _tls_refusal(bootstrap, error)
    return ""


def wrong_protocol(bootstrap: str) -> str:
    """Return why brokers that listen do not answer; empty if the protocol is not the reason."""
    security = security_of(bootstrap)
    servers = [(host.strip("[]"), int(port)) for host, port in _servers(bootstrap)]
    if security.protocol == "SASL_SSL" or not any(speaks_tls(*server) for server in servers):
        return ""
    protocol = security.protocol
    if security.encrypted:
        return f"it expects a login; kafka.security_protocol is {protocol}, set it to SASL_SSL"
    return f"it expects TLS; kafka.security_protocol is {protocol}, set it to SSL or SASL_SSL"


def _servers(bootstrap: str) -> list[tuple[str, str]]:
    return re.findall(r"(\[[^\]]+\]|[^,\s:]+):(\d+)", bootstrap)


# What a broker or a client says, and what it means for the settings; the first that fits.
REFUSALS = (
    (
        (
            r"unsupported sasl mechanism|mechanism handshake failed|UnsupportedSaslMechanism"
            r"|does not support.*mechanism"
        ),
        "it does not offer kafka.sasl_mechanism = {mechanism}",
    ),
    (
        r"_AUTHENTICATION|SaslAuthentication|authentication failed|invalid credentials",
        (
            "it refuses the user or the password; correct kafka.username ({user}), "
            "kafka.password or kafka.sasl_mechanism ({mechanism})"
        ),
    ),
    (
        r"TOPIC_AUTHORIZATION_FAILED|TopicAuthorization|not authorized to access topic",
        (
            "kafka.username ({user}) may not use the topic: it needs Read, Write, Describe and "
            "DescribeConfigs on kafka.topic, and Create if the topic is missing"
        ),
    ),
    (
        r"GROUP_AUTHORIZATION_FAILED|GroupAuthorization|not authorized to access group",
        (
            "kafka.username ({user}) may not use the consumer group: it needs Read on groups that "
            "begin with spaf-"
        ),
    ),
    (
        r"CLUSTER_AUTHORIZATION_FAILED|ClusterAuthorization|cluster authorization",
        (
            "kafka.username ({user}) may not do this in the cluster: to create the topic it needs "
            "Create, to produce IdempotentWrite"
        ),
    ),
    (
        r"connecting to a SSL listener|SSL listener\?",
        "it expects TLS; kafka.security_protocol is {protocol}, set it to SSL or SASL_SSL",
    ),
    (
        r"connecting to a PLAINTEXT (broker )?listener",
        "it does not speak TLS on this port; kafka.security_protocol is {protocol}",
    ),
    (
        r"SASL_PLAINTEXT listener|broker.*requires? sasl|IllegalSaslState|unexpected Kafka request",
        (
            "it expects a login; kafka.security_protocol is {protocol}, set it to SASL_SSL or "
            "SASL_PLAINTEXT"
        ),
    ),
)


def _tls_refusal(bootstrap: str, error: str) -> str:
    """Return why TLS fails, from an attempt: the clients do not say it."""
    servers = _SERVER.findall(error) or _servers(bootstrap)
    tls = security_of(bootstrap).tls
    refusals = (tls.refusal(host.strip("[]"), int(port)) for host, port in servers)
    return next(filter(None, refusals), "")


def _quoted(text: str) -> str:
    """Return a text as JAAS quotes it."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
