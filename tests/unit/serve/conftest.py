"""The page's application without any neighbour: nothing is connected before it lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from spaf.serve.app import Site, build
from spaf.serve.run_info import RunInfo

PORT = 8080
TOKEN = "the-right-token"  # noqa: S105 - it opens nothing


@pytest.fixture
def source(run_info: Callable[..., RunInfo], tmp_path: Path) -> RunInfo:
    """Return a run whose services do not answer."""
    return run_info(labels=tmp_path / "labels.jsonl", runs=tmp_path)


@pytest.fixture
def site(source: RunInfo) -> Site:
    """Return the application."""
    return build(source, PORT, TOKEN)


Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(site: Site) -> Ask:
    """Return what sends one request, by default as a browser of this machine does."""

    def send(method: str, path: str, headers: Any = None, **request: Any) -> httpx.Response:
        return asyncio.run(_send(site, method, path, {"headers": headers, **request}))

    return send


async def _send(site: Site, method: str, path: str, request: dict[str, Any]) -> httpx.Response:
    transport = httpx.ASGITransport(app=site)
    base = f"http://127.0.0.1:{PORT}"
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        return await client.request(method, path, **request)


@pytest.fixture
def right() -> dict[str, str]:
    """Return the headers that a request of our own page has when it changes something."""
    return {
        "content-type": "application/json",
        "x-spaf-token": TOKEN,
        "origin": f"http://127.0.0.1:{PORT}",
        "sec-fetch-site": "same-origin",
    }
