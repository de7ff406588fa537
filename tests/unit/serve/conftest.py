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
from spaf.serve.web.page_options import RoleOptions
from spaf.serve.web.roles import Roles
from tests.support import page_roles
from tests.support.page_roles import (
    HEADER,
    OPERATOR_NAME,
    PORT,
    PROXY,
    PUBLIC,
    ROLE_TOKENS,
    TOKEN,
)


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
        return asyncio.run(page_roles.send(site, method, path, {"headers": headers, **request}))

    return send


@pytest.fixture
def role_options(tmp_path: Path) -> RoleOptions:
    """Return both ways to a role: tokens, and a proxy."""
    files = {}
    for role in ("viewer", "operator"):
        files[role] = tmp_path / f"{role}.token"
        files[role].write_text(f"{ROLE_TOKENS[role]}\n")
    return RoleOptions(
        viewer_token_file=str(files["viewer"]),
        operator_token_file=str(files["operator"]),
        identity_header=HEADER,
        trusted_proxies=(PROXY, "fd00::/8"),
        operators=(OPERATOR_NAME,),
    )


@pytest.fixture
def roles(role_options: RoleOptions) -> Roles:
    """Return the roles of a page."""
    return Roles(role_options)


@pytest.fixture
def site_with_roles(source: RunInfo, roles: Roles) -> Site:
    """Return the application of a page that has roles, at a public address."""
    return build(source, PORT, TOKEN, PUBLIC, roles)


@pytest.fixture
def ask_as(site_with_roles: Site) -> Ask:
    """Return what sends one request to the page with roles, from an address."""

    def send(
        method: str, path: str, headers: Any = None, *, peer: str = "127.0.0.1", **request: Any
    ) -> httpx.Response:
        sent = {"headers": headers, **request}
        return asyncio.run(page_roles.send(site_with_roles, method, path, sent, peer))

    return send


@pytest.fixture
def right() -> dict[str, str]:
    """Return the headers that a request of our own page has when it changes something."""
    return {
        "content-type": "application/json",
        "x-spaf-token": TOKEN,
        "origin": f"http://127.0.0.1:{PORT}",
        "sec-fetch-site": "same-origin",
    }
