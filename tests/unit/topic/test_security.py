"""How clients log in to Kafka: options for both clients, and refusals in words."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError
from pydantic import SecretStr

from spaf.errors import SettingsError
from spaf.settings import KafkaSettings
from spaf.topic.client import client_options, topic_error
from spaf.topic.security import (
    SHADED,
    KafkaAddress,
    KafkaSecurity,
    explained,
    is_secure,
    security_of,
)
from tests.support.secure import Authority

SERVERS = "127.0.0.1:1"
SECRET = "ge\"he'im\\"  # noqa: S105 - it is what must not be shown


def settings(**changes: Any) -> KafkaSettings:
    """Return settings with a login."""
    known = {
        "bootstrap_servers": SERVERS,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "username": 'a"b',
        "password": SecretStr(SECRET),
    }
    return KafkaSettings(**known | changes)


def test_without_security_no_option_is_set() -> None:
    """Neither for a plain text nor for the broker that SPAF starts, whatever the settings say."""
    for bootstrap in (SERVERS, KafkaAddress.of(SERVERS, settings(bootstrap_servers=None))):
        assert not is_secure(bootstrap)
        assert security_of(bootstrap).librdkafka() == {}
        assert security_of(bootstrap).java() == {}
        assert "security.protocol" not in client_options(bootstrap)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_both_clients_log_in_alike(mechanism: str) -> None:
    """The job's client has a login module of the connector's own copy of Kafka's classes."""
    security = KafkaSecurity.of(settings(sasl_mechanism=mechanism))
    ours, java = security.librdkafka(), security.java()
    assert ours["security.protocol"] == java["security.protocol"] == "SASL_SSL"
    assert ours["sasl.mechanism"] == java["sasl.mechanism"] == mechanism
    assert (ours["sasl.username"], ours["sasl.password"]) == ('a"b', SECRET)
    kind = "plain.Plain" if mechanism == "PLAIN" else "scram.Scram"
    module = rf"{re.escape(SHADED)}org\.apache\.kafka\.common\.security\.{kind}LoginModule"
    login = r' required username="a\\"b" password="ge\\"he\'im\\\\";'
    assert re.fullmatch(module + login, java["sasl.jaas.config"])


def test_certificates_reach_both_clients(tmp_path: Path) -> None:
    """As files for ours, as text for the job, with a key that Java reads."""
    authority = Authority.create(tmp_path)
    cert, key = authority.issue("client")
    assert b"BEGIN PRIVATE KEY" not in key.read_bytes()
    chosen = settings(security_protocol="SSL", ca_file=authority.file, cert_file=cert, key_file=key)
    security = KafkaSecurity.of(chosen)
    assert security.librdkafka()["ssl.ca.location"] == str(authority.file)
    assert security.librdkafka()["ssl.key.location"] == str(key)
    java = security.java()
    assert java["ssl.truststore.certificates"].startswith("-----BEGIN CERTIFICATE-----")
    assert java["ssl.keystore.certificate.chain"].startswith("-----BEGIN CERTIFICATE-----")
    assert java["ssl.keystore.key"].startswith("-----BEGIN PRIVATE KEY-----")
    Consumer(client_options(KafkaAddress.of(SERVERS, chosen)) | {"group.id": "x"}).close()


def test_the_options_are_known_to_librdkafka() -> None:
    """A misspelt one would be refused."""
    options = client_options(KafkaAddress.of(SERVERS, settings()))
    Consumer(options | {"group.id": "x"}).close()


def test_a_wrong_file_is_told_before_anything_connects() -> None:
    """With the setting that names it."""
    with pytest.raises(SettingsError, match=r"kafka\.ca_file = /nowhere"):
        KafkaAddress.of(SERVERS, settings(ca_file="/nowhere"))
    with pytest.raises(SettingsError, match=r"kafka\.password_file = /nowhere"):
        KafkaAddress.of(SERVERS, settings(password=None, password_file=Path("/nowhere")))


def test_an_address_is_its_text_and_its_security() -> None:
    """It reads as the servers, shows no secret, survives a pickle, and is not another login's."""
    address = KafkaAddress.of(SERVERS, settings())
    assert f"{address}" == str(address) == SERVERS
    assert SECRET not in repr(address.security)
    assert security_of(pickle.loads(pickle.dumps(address))) == address.security  # noqa: S301
    assert address != KafkaAddress.of(SERVERS, settings(username="other"))
    assert address == KafkaAddress.of(SERVERS, settings())
    assert KafkaAddress(SERVERS) == SERVERS
    assert address != SERVERS


# Messages of librdkafka, of the broker and of Kafka's Java client, as they were seen.
SEEN = [
    ("_AUTHENTICATION: SASL authentication error: Authentication failed", "kafka.password"),
    (
        (
            "SaslAuthenticationException: Authentication failed during authentication due to "
            "invalid credentials with SASL mechanism SCRAM-SHA-256"
        ),
        "kafka.password",
    ),
    (
        (
            "_AUTHENTICATION: sasl_ssl://h:1/bootstrap: SASL SCRAM-SHA-512 mechanism handshake "
            "failed: Broker: Unsupported SASL mechanism: broker's supported mechanisms: PLAIN"
        ),
        "kafka.sasl_mechanism = SCRAM-SHA-512",
    ),
    ("TopicAuthorizationException: Not authorized to access topics: [t]", "Read, Write"),
    ("TOPIC_AUTHORIZATION_FAILED: Broker: Topic authorization failed", "Read, Write"),
    ("GroupAuthorizationException: Not authorized to access group: spaf-job", "spaf-"),
    ("GROUP_AUTHORIZATION_FAILED: Broker: Group authorization failed", "spaf-"),
    ("CLUSTER_AUTHORIZATION_FAILED: Broker: Cluster authorization failed", "IdempotentWrite"),
    (
        (
            "_TRANSPORT: h:1/bootstrap: Disconnected: might be caused by incorrect "
            "security.protocol configuration (connecting to a SSL listener?)"
        ),
        "kafka.security_protocol",
    ),
]


@pytest.mark.parametrize(("error", "message"), SEEN)
def test_a_refusal_names_the_setting(error: str, message: str) -> None:
    """From any client: our own, the broker, the client in the job."""
    assert message in explained(KafkaAddress.of(SERVERS, settings()), error)


@pytest.mark.parametrize(
    "error", ["_TRANSPORT: Connect to 127.0.0.1:1 failed: Connection refused", "_TIMED_OUT: x", ""]
)
def test_another_error_is_no_refusal(error: str) -> None:
    """A broker that is away."""
    assert explained(KafkaAddress.of(SERVERS, settings()), error) == ""


def test_a_forbidden_operation_is_one_sentence_without_the_secret() -> None:
    """It names operation, server, setting and what to do."""
    address = KafkaAddress.of(SERVERS, settings())
    error = topic_error("Reading", address, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert error.what.startswith(f"Reading: Kafka at {SERVERS} refuses SPAF: kafka.username")
    assert SECRET not in error.line
