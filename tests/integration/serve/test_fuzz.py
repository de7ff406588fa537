"""Each operation of the page's API with generated parameters, over real tables and a topic."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok

from spaf.serve.app import build
from spaf.serve.run_info import RunInfo
from spaf.serve.web import rate_limit
from tests.integration.serve.conftest import PATIENCE_S, TOKEN, Page
from tests.support.runs import Send
from tests.support.scale import scaled

EVENTS = "text/event-stream"
# Fewer would mean that FastAPI describes its routes in another way than before.
MIN_OPERATIONS = 10


@pytest.fixture
def operations(page: Page, run_info: Callable[..., RunInfo]) -> list[Any]:
    """Return every operation of the schema that FastAPI makes of the routes."""
    site = build(run_info(page.session), 1, TOKEN)
    schema = schemathesis.openapi.from_dict(site.app.openapi())
    return [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]


def test_no_parameter_is_a_defect(
    page: Page,
    send: Send,
    operations: list[Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Valid and not: an answer, or a refusal with a sentence; never a defect, never a stranger."""
    monkeypatch.setattr(rate_limit, "BURST_REQUESTS", 1e9)
    monkeypatch.setattr(rate_limit, "REQUESTS_PER_S", 1e9)
    send(page.session, 0, [b"garbage", json.dumps({"productId": "p"}).encode(), b"\xff\x00"])
    page.sell(1_700_000_000, "toys", 1, "1.00")
    assert len(operations) >= MIN_OPERATIONS
    with httpx.Client(base_url=page.address, timeout=PATIENCE_S) as client:
        for operation in operations:
            for mode in schemathesis.GenerationMode:
                _try(operation.as_strategy(generation_mode=mode), client)
    assert "Traceback" not in caplog.text


def _try(cases: Any, client: httpx.Client) -> None:
    @settings(
        max_examples=scaled(4, 300),
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(case=cases)
    def one(case: Any) -> None:
        sent = case.as_transport_kwargs(base_url=str(client.base_url))
        sent["headers"] = {**dict(sent.get("headers") or {}), "x-spaf-token": TOKEN}
        sent.pop("cookies", None)
        with client.stream(**sent) as answer:
            if answer.headers["content-type"].startswith(EVENTS):
                return
            answer.read()
        where = (answer.request.method, str(answer.request.url), sent.get("json"))
        assert answer.status_code != httpx.codes.INTERNAL_SERVER_ERROR, (where, answer.text)
        assert "content-security-policy" in answer.headers, where
        if answer.is_error and answer.request.method != "HEAD":
            assert len(answer.json()["error"]) > len("Refused."), (where, answer.text)

    # An operation without parameters has no wrong ones.
    with contextlib.suppress(Unsatisfiable):
        one()
