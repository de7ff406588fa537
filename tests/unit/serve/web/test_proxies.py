"""The page behind a proxy: its name, its prefix, and events that are not held back."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import cache

import httpx
import pytest

from spaf.serve import app
from spaf.serve.app import build
from spaf.serve.run_info import RunInfo
from spaf.serve.web.addresses import PageAddresses
from spaf.serve.web.server import Server
from spaf.stack.ports import any_free_port
from spaf.stack.process import wait_until

PATIENCE_S = 20.0
PUBLIC = "https://sales.example/shop"
# A tick comes each second: what is later than this was held back.
EVENTS_S = 4.0
WHOLE = 10**9

Serve = Callable[[str | None], int]
Proxy = Callable[[int, int], AbstractContextManager[int]]


@pytest.fixture(scope="module")
def serve(
    run_info: Callable[..., RunInfo], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serve]:
    """Return what serves the application at a public address; its value is the port.

    One server an address: its answer to a request depends on no request before it.
    """
    folder = tmp_path_factory.mktemp("page")
    source = run_info(labels=folder / "labels.jsonl", runs=folder)
    with contextlib.ExitStack() as running:
        patch = running.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(app, "MAX_LOAD_S", 0.01)

        @cache
        def start(public_url: str | None) -> int:
            port = any_free_port()
            server = Server(build(source, port, "token", public_url), port)
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()

            def end() -> None:
                server.should_exit = True
                thread.join(PATIENCE_S)

            running.callback(end)
            assert wait_until(lambda: server.started, PATIENCE_S, poll=0.01)
            return port

        yield start


@contextlib.contextmanager
def collecting(port: int, size: int) -> Iterator[int]:
    """Forward to a port, and pass on what comes back only in pieces of `size` bytes, or whole."""

    class Forward(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", port)) as page,
            ):
                page.sendall(self.request.recv(65_536))
                held = b""
                while piece := page.recv(65_536):
                    held += piece
                    if len(held) >= size:
                        self.request.sendall(held)
                        held = b""
                self.request.sendall(held)

    class Forwarder(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Forwarder(("127.0.0.1", 0), Forward) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy.server_address[1]
        finally:
            proxy.shutdown()


def lines_of(port: int, path: str) -> Iterator[str]:
    """Yield the lines of a stream as they arrive."""
    timeout = httpx.Timeout(PATIENCE_S, read=EVENTS_S)
    address = f"http://127.0.0.1:{port}{path}"
    # A proxy that waits for the end needs one.
    with httpx.stream("GET", address, headers={"connection": "close"}, timeout=timeout) as answer:
        assert answer.headers["cache-control"] == "no-store, no-transform"
        assert answer.headers["x-accel-buffering"] == "no"
        yield from answer.iter_lines()


def test_a_proxy_that_collects_delays_events_by_a_second_only(serve: Serve) -> None:
    """The port of its near end, another name or a header of it says that something is between."""

    def first_two(size: int) -> list[str]:
        with collecting(serve(None), size) as near:
            ticks = (line for line in lines_of(near, "/api/stream") if line == "event: tick")
            return [next(ticks), next(ticks)]

    serve(None)
    sizes = (1_024, 4_096, 8_192)
    # Each waits for the ticks of two seconds; they do so together.
    with ThreadPoolExecutor(len(sizes)) as proxies:
        seen = dict(zip(sizes, proxies.map(first_two, sizes), strict=True))
    assert seen == dict.fromkeys(sizes, ["event: tick"] * 2)


def test_a_stream_that_nothing_holds_back_has_no_padding(serve: Serve) -> None:
    """It would cost each viewer some KiB a second."""
    port = serve(None)
    seen = []
    for line in lines_of(port, "/api/stream"):
        seen.append(line)
        if seen.count("event: tick") == 3:
            break
    assert not any(line.startswith(": ") for line in seen)


def test_a_proxy_that_waits_for_the_end_gets_streams_that_end(serve: Serve) -> None:
    """The page asks for short ones when a long one stays silent; the next one goes on."""
    with collecting(serve(None), WHOLE) as near:
        first = list(lines_of(near, "/api/stream?short=1"))
        assert "event: snapshot" in first
        last = [line for line in first if line.startswith("id: ")][-1].removeprefix("id: ")
        second = list(lines_of(near, f"/api/stream?short=1&after={last}"))
        assert "event: tick" in second
        assert "event: snapshot" not in second


@pytest.mark.parametrize("path", ["", "/shop"])
@pytest.mark.parametrize("host", ["sales.example", "SALES.example", "sales.example:443", None])
def test_the_public_address_reaches_the_page(serve: Serve, path: str, host: str | None) -> None:
    """Whether the proxy keeps the Host or not, and removes the prefix or not."""
    port = serve(PUBLIC)
    headers = {"origin": "https://sales.example", "sec-fetch-site": "same-origin"}
    headers |= {"host": host} if host else {}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}{path}", headers=headers) as client:
        page = client.get("/")
        assert page.status_code == 200
        root = "/shop/" if host else ""
        assert f'src="{root}static/js/main.js"' in page.text
        assert f'content="{root}"' in page.text
        assert "{{" not in page.text
        assert client.get("/static/js/main.js").status_code == 200
        right = {"content-type": "application/json", "x-spaf-token": "token"}
        answer = client.post("/api/painted", headers=right, content=b'{"name":"none"}')
        assert answer.status_code in (200, 404)
        assert (
            client.post(
                "/api/painted", headers=right | {"origin": "https://evil.example"}
            ).status_code
            == 403
        )


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("sales.example.evil.example", None, 421),
        ("evil.example", "https://sales.example", 421),
        ("sales.example:8080", None, 421),
        ("sales.example", "http://sales.example", 403),
        ("sales.example", "https://sales.example:8443", 403),
        ("sales.example", "null", 403),
        ("localhost:9000", "http://localhost:9000", 200),
        ("localhost:9000", "http://localhost:9001", 403),
    ],
)
def test_a_public_address_admits_no_other(
    serve: Serve, host: str, origin: str | None, status: int
) -> None:
    """Neither another name or port, nor another scheme of the same name."""
    headers = {"host": host} | ({"origin": origin} if origin else {})
    answer = httpx.get(f"http://127.0.0.1:{serve(PUBLIC)}/healthz", headers=headers)
    assert answer.status_code == status
    if status != 200:
        assert "SPAF_SERVE__PUBLIC_URL" in answer.json()["error"]
    if status == 421:
        assert "sales.example" in answer.json()["error"]


def test_loopback_of_ipv6_answers(serve: Serve) -> None:
    """Where `localhost` means ::1."""
    port = serve(None)
    try:
        socket.create_connection(("::1", port)).close()
    except OSError:
        pytest.skip("this machine has no ::1")
    answer = httpx.get(f"http://[::1]:{port}/healthz", headers={"origin": f"http://[::1]:{port}"})
    assert answer.status_code == 200
    assert httpx.get(f"http://localhost:{port}/healthz").status_code == 200


@pytest.mark.parametrize(
    ("url", "names"),
    [
        ("https://sales.example:8443/", {b"sales.example:8443"}),
        ("http://sales.example", {b"sales.example", b"sales.example:80"}),
        ("https://[2001:db8::1]/x", {b"[2001:db8::1]", b"[2001:db8::1]:443"}),
    ],
)
def test_the_names_of_a_public_address(url: str, names: set[bytes]) -> None:
    """A browser leaves out the port of the scheme; a proxy may add it."""
    addresses = PageAddresses(8080, url)
    assert all(addresses.accepts_host(name) for name in names)
    assert not addresses.accepts_host(b"sales.example:1")
    assert PageAddresses(8080, url).accepts_origin(url.encode().rstrip(b"/x"), min(names))
