"""The page's application without any neighbour: nothing is connected before it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from spaf.sale import Rules
from spaf.serve.app import Site, build
from spaf.serve.run_info import JobInfo, RunInfo
from spaf.store.access import Access

PORT = 8080
TOKEN = "the-right-token"  # noqa: S105 - it opens nothing


@pytest.fixture
def source(tmp_path: Path) -> RunInfo:
    """Return a source whose neighbours are not there."""
    return RunInfo(
        kafka="127.0.0.1:1",
        topic="sales",
        group="group",
        flink="http://127.0.0.1:1",
        access=Access.own("127.0.0.1", 1, "public", {"spaf_read": "secret"}),
        rules=Rules("BRL", 600_000, 60_000),
        outlier_score=5.0,
        surge_score=4.5,
        started_ms=1,
        services=list,
        job=lambda: JobInfo("RUNNING", ""),
        links=lambda: {"flink": None, "locust": None},
        labels=tmp_path / "labels.jsonl",
        runs=tmp_path,
    )


@pytest.fixture
def site(source: RunInfo) -> Site:
    """Return the application."""
    return build(source, PORT, TOKEN)


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(site: Site) -> Ask:
    """Return what sends one request, by default as a browser of this machine does."""

    def send(method: str, path: str, headers: Any = None, content: Any = None) -> httpx.Response:
        return asyncio.run(_send(site, method, path, headers, content))

    return send


async def _send(site: Site, method: str, path: str, headers: Any, content: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=site)
    base = f"http://127.0.0.1:{PORT}"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        request = client.build_request(method, path, headers=headers, content=content)
        return await client.send(request)


@pytest.fixture
def right() -> dict[str, str]:
    """Return the headers that a request of our own page has when it changes something."""
    return {
        "content-type": "application/json",
        "x-spaf-token": TOKEN,
        "origin": f"http://127.0.0.1:{PORT}",
        "sec-fetch-site": "same-origin",
    }
