"""What Flink's client sends is kept; nothing is run."""

from __future__ import annotations

import http.client
import json

import pytest

from spaf.errors import JobError
from spaf.job.recorder import LOOPBACK, Recorder

PLAN = b"\xac\xed\r\n\r\n\x00 binary \r\n-- with ends of lines"
FORM = (
    b'--bound\r\ncontent-disposition: form-data; name="request"\r\n\r\n{}\r\n'
    b'--bound\r\ncontent-disposition: form-data; name="file_0"; filename="x.bin"\r\n\r\n'
    + PLAN
    + b"\r\n--bound--\r\n"
)


def asked(recorder: Recorder, method: str, path: str, body: bytes | None = None) -> tuple[int, str]:
    """Return status and content of an answer; the body is sent in chunks, as Flink does."""
    connection = http.client.HTTPConnection(LOOPBACK, recorder.port)
    chunks = None if body is None else iter([body[:20], body[20:]])
    connection.request(method, path, chunks, encode_chunked=body is not None)
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer.status, content


def test_submitted_plan_is_kept_byte_by_byte() -> None:
    """Whatever bytes it has."""
    with Recorder() as recorder:
        status, content = asked(recorder, "POST", "/v1/jobs", FORM)
    assert (status, json.loads(content)) == (202, {"jobUrl": "/jobs"})
    assert recorder.plan() == PLAN


def test_client_is_told_that_the_job_is_initialised() -> None:
    """It asks after it has submitted."""
    with Recorder() as recorder:
        assert json.loads(asked(recorder, "GET", "/v1/jobs/1/status")[1]) == {"status": "RUNNING"}


def test_client_that_sends_nothing_is_an_error() -> None:
    """A graph of nothing would be refused by every cluster."""
    with Recorder() as recorder:
        pass
    with pytest.raises(JobError, match="has sent no job"):
        recorder.plan()
