"""Refusals of the job by a server, as Flink reports them."""

from __future__ import annotations

import pytest

from spaf.settings import KafkaSettings
from spaf.stack.refusal import job_refusal
from spaf.store.access import Access
from spaf.topic.security import KafkaAddress

KAFKA = KafkaAddress.of(
    "127.0.0.1:1",
    KafkaSettings.model_validate(
        {
            "bootstrap_servers": "127.0.0.1:1",
            "security_protocol": "SASL_SSL",
            "sasl_mechanism": "PLAIN",
            "username": "sales",
            "password": "geheim",
        }
    ),
)
ACCESS = Access.external("postgresql://sink:geheim@127.0.0.1:1/d?sslmode=verify-full", "public")
ERRORS = "org.apache.kafka.common.errors"


@pytest.mark.parametrize(
    ("cause", "message"),
    [
        (
            f"{ERRORS}.SaslAuthenticationException: Authentication failed: Invalid username",
            (
                "Kafka at 127.0.0.1:1 refuses the job: it refuses the user or the password; "
                "correct kafka.username (sales)"
            ),
        ),
        (
            f"{ERRORS}.GroupAuthorizationException: Not authorized to access group: spaf-job",
            "kafka.username (sales) may not use the consumer group",
        ),
        (
            f"{ERRORS}.TopicAuthorizationException: Not authorized to access topics: [t]",
            "kafka.username (sales) may not use the topic",
        ),
        (
            'org.postgresql.util.PSQLException: FATAL: password authentication failed for "sink"',
            "PostgreSQL at 127.0.0.1:1 refuses the job: it refuses the user sink",
        ),
        (
            "org.postgresql.util.PSQLException: ERROR: permission denied for table sales_summary",
            "lacks a right (permission denied for table sales_summary)",
        ),
        (
            (
                "sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid "
                "certification path to requested target"
            ),
            "Flink refuses a certificate that SPAF accepts",
        ),
    ],
)
def test_a_refusal_names_server_and_setting(cause: str, message: str) -> None:
    """A login at one server is never taken for that at the other."""
    found = job_refusal(KAFKA, ACCESS, cause)
    assert message in found
    assert "geheim" not in found


@pytest.mark.parametrize(
    "cause",
    [
        "java.net.ConnectException: Connection refused",
        "org.postgresql.util.PSQLException: ERROR: deadlock detected",
        f"{ERRORS}.TimeoutException: Timed out waiting for a node assignment",
        "java.lang.OutOfMemoryError: Java heap space",
    ],
)
def test_another_failure_is_no_refusal(cause: str) -> None:
    """It is told in Flink's own words."""
    assert job_refusal(KAFKA, ACCESS, cause) == ""
