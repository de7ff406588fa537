"""What the tables know of the job that writes them: who runs it, and from where it can go on."""

from __future__ import annotations

from typing import NamedTuple

import psycopg

from spaf.store.statement import statement


class JobRecord(NamedTuple):
    """The record; see the migration `0010_job_record`."""

    group: str
    owner: str = ""
    owner_age_s: float | None = None
    """When the owner was last seen, seconds ago; None if it has ended."""
    claim: str = ""
    job_id: str = ""
    plan: str = ""
    topic_id: str = ""
    checkpoint: str = ""
    checkpoint_ms: int = 0


class JobClaim(NamedTuple):
    """A job that is about to be handed over."""

    owner: str
    claim: str
    plan: str
    group: str
    topic_id: str


def read(connection: psycopg.Connection) -> JobRecord:
    """Return the record of the tables."""
    (row,) = connection.execute(_sql("job_record")).fetchall()
    return JobRecord(*row)


def claim(connection: psycopg.Connection, job: JobClaim, *, resumes: bool) -> None:
    """Record a job that is about to be handed over; one that does not resume has no checkpoint."""
    values = {**job._asdict(), "consumer_group": job.group, "resumes": resumes}
    connection.execute(_sql("claim_job"), values)


def keep(connection: psycopg.Connection, job: JobRecord) -> bool:
    """Record that the job is still run; return False if another run has taken it over."""
    return connection.execute(_sql("keep_job"), job._asdict()).rowcount == 1


def release(connection: psycopg.Connection, job: JobRecord) -> None:
    """Record that the run no longer runs the job, so that another one may at once."""
    connection.execute(_sql("release_job"), job._asdict())


def _sql(name: str) -> bytes:
    return statement("spaf.store", f"queries/{name}")
