"""What is refused on any route: hosts, origins, types, tokens, sizes, names, floods."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.requests import Request

from spaf.serve.app import Site
from spaf.serve.web import rate_limit, security
from spaf.serve.web.static_files import FOLDER
from tests.support.page_roles import require_refusal

Ask = Callable[..., httpx.Response]


@pytest.mark.parametrize("route", ["/", "/healthz", "/api/history", "/static/none.js"])
def test_a_post_to_what_is_read_only_is_refused(
    ask: Ask, right: dict[str, str], route: str
) -> None:
    """Even one that may write."""
    assert ask("POST", route, right, content=b"{}").status_code == 405


@pytest.mark.parametrize(
    "token", ["", "the-right-toke", "the-right-token2", "THE-RIGHT-TOKEN", "ä", " ", "x" * 9_000]
)
def test_a_wrong_token_is_refused(ask: Ask, right: dict[str, str], token: str) -> None:
    """None, cut off, longer, in capitals, not even ASCII."""
    headers = {**right, "x-spaf-token": token.encode()}
    require_refusal(ask("POST", "/api/painted", headers, content=b"{}"), 403)


def test_a_token_in_the_address_does_not_count(ask: Ask, right: dict[str, str]) -> None:
    """Addresses are written down in many places."""
    token = right.pop("x-spaf-token")
    require_refusal(ask("POST", f"/api/painted?x-spaf-token={token}", right, content=b"{}"), 403)


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonx",
        "text/plain; application/json",
    ],
)
def test_what_a_form_can_send_is_refused(ask: Ask, right: dict[str, str], kind: str | None) -> None:
    """Only JSON that says so, which a page of another origin cannot send without asking first."""
    del right["content-type"]
    headers = right if kind is None else {**right, "content-type": kind}
    require_refusal(ask("POST", "/api/painted", headers, content=b"{}"), 415)


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=UTF-8"])
def test_a_post_of_our_own_page_passes(ask: Ask, right: dict[str, str], kind: str) -> None:
    """It comes as far as the route, which says what it lacks."""
    answer = ask(
        "POST", "/api/painted", {**right, "content-type": kind}, content=b'{"name":"none"}'
    )
    assert (answer.status_code, answer.json()) == (200, {"ok": True, "frames": 0}) or (
        answer.status_code == 404 and "measurement" in answer.json()["error"]
    )


@pytest.mark.parametrize("port", ["", ":8080", ":9000", ":443", ":65535"])
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]"])
def test_our_own_names_are_known_at_any_port(ask: Ask, name: str, port: str) -> None:
    """Loopback: the near end of a tunnel has a port of its own."""
    assert ask("GET", "/healthz", {"host": name + port}).status_code == 200


def test_the_page_of_a_tunnel_is_its_own_origin(ask: Ask, right: dict[str, str]) -> None:
    """The Origin is the address that the request was sent to, and no other port of this machine."""
    host = {"host": "localhost:9000"}
    same = {**right, **host, "origin": "http://localhost:9000", "sec-fetch-site": "same-origin"}
    body = b'{"name":"none"}'
    assert ask("POST", "/api/painted", same, content=body).status_code in (200, 404)
    for origin in ("http://localhost:9001", "http://localhost:8080", "http://127.0.0.1:9000"):
        require_refusal(
            ask("POST", "/api/painted", {**right, **host, "origin": origin}, content=b"{}"), 403
        )
        require_refusal(ask("GET", "/api/stream", {**host, "origin": origin}), 403)


def test_a_refused_host_is_told_what_is_allowed(ask: Ask) -> None:
    """The names, and the setting that adds one; nothing of what was sent."""
    error = ask("GET", "/", {"host": "sales.example"}).json()["error"]
    for word in ("127.0.0.1", "localhost", "[::1]", "any port", "SPAF_SERVE__PUBLIC_URL"):
        assert word in error
    assert "sales.example" not in error


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example:9000",
        "127.0.0.1:",
        "127.0.0.1:0",
        "127.0.0.1:65536",
        "127.0.0.1:80x",
        "localhost.evil.example:8080",
        "evil.localhost:8080",
        "localhost.:8080",
        "::1:8080",
        "[::1]evil.example:8080",
        "127.0.0.1:8080.evil.example",
        "user@127.0.0.1:8080",
        "127.0.0.1:8080@evil.example",
        "0.0.0.0:8080",
        "127.1:8080",
        "[::]:8080",
        " 127.0.0.1:8080",
        "127.0.0.1:8080,evil.example",
        "",
    ],
)
def test_another_host_is_refused(ask: Ask, host: str) -> None:
    """A foreign name that is pointed at this machine (DNS rebinding) is not ours."""
    for route in ("/", "/api/stream", "/nowhere"):
        require_refusal(ask("GET", route, {"host": host}), 421)


def test_a_host_that_is_missing_or_there_twice_is_refused(site: Site) -> None:
    """What no client of ours sends."""
    assert answered(site, []) == 421
    assert answered(site, [(b"host", b"127.0.0.1:8080")] * 2) == 400


def answered(site: Site, headers: list[tuple[bytes, bytes]]) -> int:
    """Return the status of a request with exactly these headers."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: object) -> None:
        sent.append(message)  # type: ignore[arg-type]

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/healthz",
        "raw_path": b"/healthz",
        "query_string": b"",
        "headers": headers,
    }
    asyncio.run(site(scope, receive, send))
    return int(str(sent[0]["status"]))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        "https://127.0.0.1:8080",
        "http://127.0.0.1:8089",
        "http://127.0.0.1",
        "",
    ],
)
@pytest.mark.parametrize(("method", "route"), [("GET", "/api/stream"), ("POST", "/api/painted")])
def test_another_origin_is_refused(
    ask: Ask, right: dict[str, str], origin: str, method: str, route: str
) -> None:
    """Also where it only wants to read, and also with the token; Locust's page is another one."""
    body = b"{}" if method == "POST" else None
    require_refusal(ask(method, route, {**right, "origin": origin}, content=body), 403)


@pytest.mark.parametrize("who", ["cross-site", "same-site", "", "Same-Origin"])
def test_what_another_page_fetches_is_refused(ask: Ask, who: str) -> None:
    """Images, scripts, frames: browsers say who asks."""
    for route in ("/api/history?range=1m", "/static/none.js", "/"):
        require_refusal(ask("GET", route, {"sec-fetch-site": who}), 403)


def test_a_link_from_elsewhere_leads_to_the_page(ask: Ask) -> None:
    """A person may follow a link; a frame, and anything but the page, is no link."""
    link = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    assert ask("GET", "/", link).status_code == 200
    require_refusal(ask("GET", "/", {**link, "sec-fetch-dest": "iframe"}), 403)
    require_refusal(ask("GET", "/api/history?range=1m", link), 403)


@pytest.mark.parametrize("length", [2_049, 60_000])
def test_a_long_address_is_refused(ask: Ask, length: int) -> None:
    """Path or parameters."""
    require_refusal(ask("GET", "/healthz?" + "x" * (length - 8)), 414)
    require_refusal(ask("GET", "/" + "x" * length), 414)


def test_a_get_has_no_body(ask: Ask) -> None:
    """No route would read it."""
    require_refusal(ask("GET", "/healthz", {"content-length": "1"}, content=b"x"), 413)
    require_refusal(ask("GET", "/healthz", {"transfer-encoding": "chunked"}), 413)


@pytest.mark.parametrize(("route", "limit"), [("/api/painted", 2**20), ("/api/else", 2**16)])
def test_a_long_body_is_refused(ask: Ask, right: dict[str, str], route: str, limit: int) -> None:
    """By what it says of itself, and by what comes."""
    require_refusal(ask("POST", route, right, content=b" " * (limit + 1)), 413)
    require_refusal(ask("POST", route, {**right, "content-length": "-1"}, content=b"{}"), 413)
    assert ask("POST", route, right, content=b" " * limit).status_code != 413

    async def parts() -> AsyncIterator[bytes]:
        for _ in range(limit // 1_024 + 1):
            yield b" " * 1_024

    require_refusal(ask("POST", route, right, content=parts()), 413)


def test_a_body_that_never_ends_is_given_up(
    ask: Ask, right: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes from this machine, or does not come."""
    monkeypatch.setattr(security, "BODY_TIMEOUT_S", 0.01)

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    require_refusal(ask("POST", "/api/painted", right, content=slow()), 408)


@pytest.mark.parametrize(
    "name",
    [
        "../guard.py",
        "..%2fguard.py",
        "%2e%2e/guard.py",
        "%2e%2e%2fguard.py",
        "..\\guard.py",
        "/etc/passwd",
        "//etc/passwd",
        "index.html",
        "index.html%00.js",
        "./index.html",
        "INDEX.HTML",
        "",
        "vendor",
        "vendor/",
        "../static/index.html",
        "..%252fguard.py",
    ],
)
def test_no_name_leads_out_of_the_map(ask: Ask, name: str) -> None:
    """Whatever it is made of: there is no such file, or no such address."""
    require_refusal(ask("GET", "/static/" + name), 404)


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/healthz", {}, 200),
        ("/", {}, 200),
        ("/api/history", {}, 400),
        ("/nowhere", {}, 404),
        ("/api/rows", {}, 503),
        ("/healthz", {"host": "evil.example"}, 421),
    ],
)
def test_every_answer_has_the_headers(
    ask: Ask, path: str, headers: dict[str, str], status: int
) -> None:
    """The good ones, the mistakes, a neighbour that is away, our own refusals."""
    answer = ask("GET", path, headers)
    assert answer.status_code == status
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "server" not in answer.headers


def test_a_defect_is_one_sentence_outside_and_a_trace_inside(
    site: Site, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    """With the headers, as every answer."""

    async def fail(_: Request) -> None:
        raise ZeroDivisionError("hidden words")

    site.app.add_route("/fails", fail)  # type: ignore[arg-type]
    answer = ask("GET", "/fails")
    require_refusal(answer, 500)
    assert "hidden" not in answer.text
    assert "ZeroDivisionError: hidden words" in caplog.text


def test_a_flood_is_refused(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of any client, after more requests than a class of pages needs."""
    assert ask("GET", "/healthz").status_code == 200
    monkeypatch.setattr(rate_limit, "BURST_REQUESTS", 0.5)
    require_refusal(ask("GET", "/healthz"), 429)


def test_the_page_holds_the_token(ask: Ask, right: dict[str, str]) -> None:
    """In itself, and nowhere else."""
    page = ask("GET", "/")
    assert f'content="{right["x-spaf-token"]}"' in page.text
    assert "{{token}}" not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_a_file_is_asked_for_again_and_not_sent_again(ask: Ask) -> None:
    """304, with the headers too; compressed for clients that accept it."""
    name = "js/main.js"
    first = ask("GET", f"/static/{name}")
    assert first.headers["content-encoding"] == "gzip"
    assert first.headers["vary"] == "Accept-Encoding"
    assert first.headers["cache-control"] == "no-cache"
    again = ask("GET", f"/static/{name}", {"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
    plain = ask("GET", f"/static/{name}", {"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text


def test_every_file_of_the_folder_is_served(ask: Ask) -> None:
    """Under its own name, with its own type."""
    kinds = {".css", ".js", ".json", ".svg"}
    files = [file for file in FOLDER.rglob("*") if file.suffix in kinds]
    assert {file.suffix for file in files} == kinds
    for name in (str(file.relative_to(FOLDER)) for file in files):
        answer = ask("GET", f"/static/{name}")
        assert answer.status_code == 200, name
        assert answer.headers["content-type"].partition(";")[0] in {
            "text/css",
            "text/javascript",
            "application/json",
            "image/svg+xml",
        }


def test_head_is_get_without_a_body(ask: Ask) -> None:
    """Of the page and of the stream, which does not begin then."""
    for route in ("/", "/healthz", "/api/stream"):
        answer = ask("HEAD", route)
        assert answer.status_code == 200
