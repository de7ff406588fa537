"""Settings that exclude or require each other."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from spaf.settings.sections import (
    MAX_PRODUCTS,
    KafkaSettings,
    ServeSettings,
    ServiceSettings,
    Settings,
    TlsSection,
    section_name,
)

# The page shows a day, and a day has up to 25 hours. Seconds.
MIN_KEEP_S = 26 * 3_600
# The state of the job outlives the lateness by this: a job that resumes writes such rows. Seconds.
RETENTION_SLACK_S = 3_600


def contradictions(settings: Settings) -> Iterator[str]:
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
                both = f"{section_name(section)}.{name}"
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
