"""SPAF's addresses on Locust's page, and the remote control that uses them, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from spaf.errors import LoadError
from spaf.generate.locust.client import LocustClient, LocustRefusedError
from spaf.generate.locust.locust_api import locust_api
from spaf.generate.locust.protocol import (
    CSRF_HEADER,
    INJECT_PATH,
    STATUS_PATH,
    InjectionAccepted,
    LoadStatus,
)

HEADERS = {CSRF_HEADER: "1"}
WISH = {"kind": "surge", "category": "toys"}


class Seller:
    """A session that notes what it is asked."""

    def __init__(self) -> None:
        """Begin without a load."""
        self.now = LoadStatus("ready", 0, 0.0, 0, 0, 0)
        self.wishes: list[tuple[str, str | None]] = []
        self.forms: list[dict[str, str]] = []

    def status(self) -> LoadStatus:
        """Return what was set."""
        return self.now

    def inject(self, kind: str, category: str | None) -> InjectionAccepted:
        """Note it, or refuse as a session without a load does."""
        if not self.now.selling:
            raise LoadError("No load runs that could sell an anomaly.")
        self.wishes.append((kind, category))
        return InjectionAccepted(kind, category, 15.0)


@pytest.fixture
def seller() -> Seller:
    """Return a session of its own."""
    return Seller()


@pytest.fixture
def app(seller: Seller) -> Flask:
    """Return a page with SPAF's addresses and those of Locust that the remote control uses."""
    page = Flask("page")
    page.register_blueprint(locust_api(seller))

    @page.post("/swarm")
    def swarm() -> Any:
        seller.forms.append(dict(request.form))
        return jsonify({"success": True, "message": "Swarming started"})

    @page.post("/stop")
    def stop() -> Any:
        return jsonify({"success": True, "message": "Test stopped"})

    return page


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Return what asks without a network."""
    return app.test_client()


@pytest.fixture
def remote(app: Flask) -> Iterator[LocustClient]:
    """Return the remote control of a page that listens."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with LocustClient(f"http://127.0.0.1:{server.port}/") as found:
            yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_status(client: FlaskClient, seller: Seller) -> None:
    """The answer is one JSON object."""
    seller.now = LoadStatus("running", 100, 50.0, 10, 9, 1, "ab", (0.1, 0.4), 12)
    assert client.get(STATUS_PATH).get_json() == {
        "state": "running",
        "users": 100,
        "rate": 50.0,
        "intended": 10,
        "acked": 9,
        "failed": 1,
        "run_id": "ab",
        "delay_ms": [0.1, 0.4],
        "slots": 12,
    }


def test_wish(client: FlaskClient, seller: Seller) -> None:
    """A wish is passed on; without a load it is refused with what to do."""
    refused = client.post(INJECT_PATH, json=WISH, headers=HEADERS)
    assert (refused.status_code, refused.get_json()["success"]) == (409, False)
    seller.now = LoadStatus("running", 1, 1.0, 0, 0, 0)
    granted = client.post(INJECT_PATH, json=WISH, headers=HEADERS)
    assert granted.status_code == 200
    assert granted.get_json()["seconds"] == 15.0
    assert seller.wishes == [("surge", "toys")]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"headers": {}}, 403),
        ({"headers": {**HEADERS, "Origin": "http://evil.example"}}, 403),
        ({"headers": {**HEADERS, "Origin": "http://127.0.0.1:8089"}}, 403),
        ({"headers": {**HEADERS, "Host": "evil.example"}}, 403),
        ({"headers": {**HEADERS, "Host": "127.0.0.1.evil.example:8089"}}, 403),
        ({"json": None, "data": '{"kind": "surge"}', "content_type": "text/plain"}, 403),
        ({"json": None, "data": {"kind": "surge"}}, 403),
        ({"json": WISH | {"category": "x" * 5_000}}, 403),
        ({"json": WISH | {"kind": "level_shift"}}, 400),
        ({"json": WISH | {"kind": 5}}, 400),
        ({"json": WISH | {"more": 5}}, 400),
        ({"json": ["surge"]}, 400),
        ({"json": None, "data": "[" * 4_000, "content_type": "application/json"}, 400),
    ],
)
def test_what_a_foreign_page_could_send_is_refused(
    client: FlaskClient, seller: Seller, changed: dict[str, Any], status: int
) -> None:
    """Only JSON with the header, from this machine and not from a page, and only what is known."""
    seller.now = LoadStatus("running", 1, 1.0, 0, 0, 0)
    answer = client.post(INJECT_PATH, **{"json": WISH, "headers": HEADERS, **changed})
    assert answer.status_code == status
    assert answer.get_json()["success"] is False
    assert len(answer.get_json()["message"]) > 20
    assert not seller.wishes


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:81"}, 403),
        ({"Host": "evil.example"}, 403),
        ({"Host": "evil.example", "Origin": "http://evil.example"}, 403),
    ],
)
def test_other_sites_are_kept_from_all_of_locusts_page(
    client: FlaskClient, seller: Seller, headers: dict[str, str], status: int
) -> None:
    """Its own start button, too; the page itself sends its own Origin."""
    assert client.post("/swarm", data={"user_count": "1"}, headers=headers).status_code == status
    assert client.get(STATUS_PATH, headers=headers).status_code == status
    assert bool(seller.forms) == (status == 200)


def test_only_a_post_injects(client: FlaskClient) -> None:
    """A link cannot do it, and a browser that asks first for another site is refused."""
    assert client.get(INJECT_PATH).status_code == 405
    asked = client.options(INJECT_PATH, headers={"Origin": "http://evil.example"})
    assert asked.status_code == 403


def test_remote_starts_and_changes(remote: LocustClient, seller: Seller) -> None:
    """The first start brings the users for its rate; while they sell their number stays."""
    remote.start(100)
    assert seller.forms[-1] == {"user_count": "100", "spawn_rate": "100", "sales_per_user": "1"}
    seller.now = LoadStatus("running", 100, 100.0, 0, 0, 0)
    remote.change(20_000)
    assert seller.forms[-1] == {"user_count": "100", "spawn_rate": "100", "sales_per_user": "200"}
    remote.change(0.1)
    assert seller.forms[-1]["sales_per_user"] == "0.001"
    remote.stop()
    seller.now = LoadStatus("stopped", 0, 0.0, 0, 0, 0)
    with pytest.raises(LocustRefusedError, match="No load runs"):
        remote.change(5)
    remote.start(2_000)
    assert seller.forms[-1] == {"user_count": "5", "spawn_rate": "5", "sales_per_user": "400"}


def test_remote_injects(remote: LocustClient, seller: Seller) -> None:
    """It sends what the desk asks for, and passes the refusal's words on."""
    with pytest.raises(LocustRefusedError, match="No load runs that could sell"):
        remote.inject("surge", None)
    seller.now = LoadStatus("running", 1, 1.0, 0, 0, 0)
    assert remote.inject("surge", None) == InjectionAccepted("surge", None, 15.0)


def test_page_of_a_container_answers_to_its_name_too(
    bare: Path, monkeypatch: pytest.MonkeyPatch, seller: Seller
) -> None:
    """SPAF's page asks it there; a name that only resolves to it is refused as before."""
    assert bare
    monkeypatch.setenv("SPAF_SERVICE__HOST", "locust")
    page = Flask("page")
    page.register_blueprint(locust_api(seller))
    codes = {
        host: page.test_client().get(STATUS_PATH, headers={"Host": host}).status_code
        for host in ("locust:8089", "127.0.0.1:8089", "evil.example:8089")
    }
    assert codes == {"locust:8089": 200, "127.0.0.1:8089": 200, "evil.example:8089": 403}


def test_remote_names_a_page_that_is_away() -> None:
    """One sentence with the address, and what to do."""
    with (
        LocustClient("http://127.0.0.1:9", timeout_s=1) as remote,
        pytest.raises(LoadError) as failure,
    ):
        remote.status()
    assert "http://127.0.0.1:9 does not answer (ConnectError)" in failure.value.what
    assert "spaf logs locust" in failure.value.todo


def test_remote_names_another_locust() -> None:
    """A web server that has no such address is none of ours."""
    server = make_server("127.0.0.1", 0, Flask("other"), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with LocustClient(f"http://127.0.0.1:{server.port}") as remote:
            for ask in (remote.status, lambda: remote.inject("surge", None)):
                with pytest.raises(LoadError, match="not a Locust that SPAF has started"):
                    ask()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
