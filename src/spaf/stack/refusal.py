"""Why a server refuses the job: Flink's words, and the setting that decides on it."""

from __future__ import annotations

import re

from spaf.errors import JobError
from spaf.store.access import Access, Role
from spaf.topic import security
from spaf.trouble import Trouble

_KAFKA = r"org\.apache\.kafka|Kafka"
_POSTGRES = r"PSQLException|FATAL:|ERROR:"
_TLS = r"certif|SSL|TLS|handshake"


class RefusedJobError(JobError):
    """The job is not started: it would not count right until a person does something."""

    def __init__(self, trouble: Trouble) -> None:
        """Keep the cause."""
        super().__init__(trouble.what, todo=trouble.todo)
        self.trouble = trouble


def job_refusal(kafka: str, access: Access, cause: str) -> str:
    """Return why Kafka or PostgreSQL refuses the job; empty if the failure is of another kind.

    Args:
        kafka: the address of the broker.
        access: to the tables.
        cause: the root cause of the job's failure; of TLS it may not say with which server.

    """
    user = access.credentials(Role.SINK)[0]
    address = f"{access.host}:{access.port}"
    if re.search(_KAFKA, cause):
        return _told("Kafka", kafka, security.explained(kafka, cause))
    if re.search(_POSTGRES, cause):
        return _told("PostgreSQL", address, access.explained(cause, user))
    if not re.search(_TLS, cause, re.IGNORECASE):
        return ""
    kafka_refusal = security.explained(kafka, cause) if security.is_secure(kafka) else ""
    return (
        _told("Kafka", kafka, kafka_refusal)
        or _told("PostgreSQL", address, access.explained(f"SSL error: {cause}", user))
        or f"Flink refuses a certificate that SPAF accepts ({cause}): its machines need the files "
        "of kafka.ca_file and of sslrootcert, sslcert and sslkey in postgres.dsn."
    )


def _told(server: str, address: str, refusal: str) -> str:
    return f"{server} at {address} refuses the job: {refusal}." if refusal else ""
