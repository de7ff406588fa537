"""Certificates of services: checked, and in the form of each service."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf.errors import SettingsError
from spaf.settings import FlinkSettings, KafkaSettings, ServiceSettings
from spaf.stack import flink, kafka
from spaf.stack.listen_address import ListenAddress
from spaf.stack.server_tls import ServerTls
from spaf.stack.state import RunFolder
from tests.support.secure import Authority

HOST = "kafka-1.example"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certify the services."""
    return Authority.create(tmp_path_factory.mktemp("authority"))


def settings_for(authority: Authority, *hosts: str) -> ServiceSettings:
    """Return settings with a certificate for some hosts."""
    cert, key = authority.issue("service", *hosts)
    return ServiceSettings(cert_file=cert, key_file=key, ca_file=authority.file)


def test_without_files_a_service_does_not_speak_tls() -> None:
    """As in a run on one machine."""
    assert ServerTls.of(ServiceSettings(), HOST) is None


@pytest.mark.parametrize("name", [HOST, "KAFKA-1.example", "*.example"])
def test_a_certificate_for_the_host_is_taken(authority: Authority, name: str) -> None:
    """In any case, and with a star for the first part of the name."""
    assert ServerTls.of(settings_for(authority, "other.example", name), HOST) is not None


@pytest.mark.parametrize("name", ["kafka-2.example", "example", "*.kafka-1.example", "10.0.0.1"])
def test_a_certificate_for_another_host_is_refused(authority: Authority, name: str) -> None:
    """Before any client would: with the names that it has, and the one that it lacks."""
    with pytest.raises(SettingsError) as caught:
        ServerTls.of(settings_for(authority, name), HOST)
    assert f"the certificate is for {name}, not for {HOST}." in caught.value.what
    assert caught.value.what.startswith("service.cert_file = ")
    assert "\n" not in caught.value.line


def test_an_address_is_a_name_too(authority: Authority) -> None:
    """Hosts without names have certificates for their addresses."""
    assert ServerTls.of(settings_for(authority, "10.77.0.11"), "10.77.0.11") is not None


def test_java_gets_private_files(authority: Authority, tmp_path: Path) -> None:
    """Kafka reads PEM, Flink stores; the key is readable by its owner only."""
    tls = ServerTls.of(settings_for(authority, HOST), HOST)
    assert tls is not None
    kafka = tls.kafka_options(tmp_path)
    assert kafka["ssl.client.auth"] == "required"
    pem = (tmp_path / "service.pem").read_bytes()
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----")
    assert b"BEGIN CERTIFICATE" in (tmp_path / "authorities.pem").read_bytes()
    flink = tls.flink_options(tmp_path, Path("/named/so"))
    assert flink["security.ssl.internal.keystore"] == "/named/so/service.p12"
    assert flink["security.ssl.rest.truststore"] == "/named/so/authorities.p12"
    for name in ("service.pem", "service.p12", "authorities.p12"):
        assert (tmp_path / name).stat().st_mode & 0o077 == 0


@pytest.fixture
def home(tmp_path: Path) -> RunFolder:
    """Return a run folder."""
    folder = RunFolder(tmp_path / "home")
    folder.create()
    return folder


def test_every_listener_of_a_broker_speaks_tls(authority: Authority, home: RunFolder) -> None:
    """Also that of the controllers; the broker reaches itself by the name of the certificate."""
    address = ListenAddress("10.0.0.1", HOST, ServerTls.of(settings_for(authority, HOST), HOST))
    settings = KafkaSettings(
        controllers=f"1@{HOST}:9093,2@kafka-2.example:9093", public_address="outside:9094"
    )
    service = kafka.service(
        settings, home.kafka, home.logs / "log", kafka.BrokerPorts(9092, 1), address
    )
    lines = (home.kafka / kafka.CONFIG).read_text().splitlines()
    written = dict(line.split("=", 1) for line in lines)
    assert written["listener.security.protocol.map"] == "SSL:SSL,CONTROLLER:SSL,PUBLIC:SSL"
    assert written["advertised.listeners"] == f"SSL://{HOST}:9092,PUBLIC://outside:9094"
    assert written["inter.broker.listener.name"] == "SSL"
    assert written["ssl.client.auth"] == "required"
    assert service.address == f"{HOST}:9092"


def test_a_cluster_of_flink_speaks_tls_to_clients_and_inside(
    authority: Authority, home: RunFolder
) -> None:
    """Its options name the stores as its processes do."""
    address = ListenAddress("10.0.0.1", HOST, ServerTls.of(settings_for(authority, HOST), HOST))
    service = flink.jobmanager_service(
        FlinkSettings(), home, flink.JobManagerPorts(8081, 6123), address
    )
    assert service.address == f"https://{HOST}:8081"
    text = (home.flink / "conf/config.yaml").read_text()
    assert "security.ssl.internal.enabled: 'true'" in text
    assert "security.ssl.rest.keystore: /proc/self/cwd/flink/conf/service.p12" in text
    assert (home.flink / "conf/service.p12").exists()
