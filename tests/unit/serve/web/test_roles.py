"""Viewers and operators: tokens, cookies, names of a proxy, and what the page says of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import httpx
import msgspec
import pytest

from spaf.errors import SettingsError
from spaf.serve.web.page_options import PageOptions, RoleOptions
from spaf.serve.web.roles import COOKIE, PageRole, Roles
from spaf.settings import ServeSettings
from tests.support.page_roles import (
    OPERATOR_NAME,
    PROXY,
    ROLE_TOKENS,
    TOKEN,
    VIEWER_NAME,
    bearer,
    cookie,
    named,
)

Ask = Callable[..., httpx.Response]
JSON = {"content-type": "application/json"}
PUBLIC_ORIGIN = {"host": "sales.example", "origin": "https://sales.example"}


def logged_in(ask_as: Ask, token: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """Post a token, as the login page does: without the token of the page."""
    return ask_as("POST", "/api/login", {**JSON, **(headers or {})}, json={"token": token})


@pytest.mark.parametrize("role", ["viewer", "operator"])
@pytest.mark.parametrize("blanks", ["", " \n"])
def test_a_token_is_shown_once_and_a_cookie_after_that(ask_as: Ask, role: str, blanks: str) -> None:
    """The cookie is for the browser alone, and holds no token."""
    answer = logged_in(ask_as, ROLE_TOKENS[role] + blanks)
    assert (answer.status_code, answer.json()) == (200, {"role": role, "name": ""})
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert attributes == ["Path=/", "HttpOnly", "SameSite=Strict"]
    assert re.fullmatch(rf"{COOKIE}=[0-9a-f]{{64}}", value)
    assert ask_as("GET", "/api/me", {"cookie": value}).json() == {"role": role, "name": ""}


def test_behind_https_the_cookie_is_for_https_and_the_path_of_the_page(ask_as: Ask) -> None:
    """Other programs of the same host do not get it, nor does a connection without TLS."""
    answer = logged_in(ask_as, ROLE_TOKENS["viewer"], PUBLIC_ORIGIN)
    attributes = answer.headers["set-cookie"].split("; ")[1:]
    assert attributes == ["Path=/shop/", "HttpOnly", "SameSite=Strict", "Secure"]


@pytest.mark.parametrize(
    "token",
    ["", " ", "x", ROLE_TOKENS["stranger"], ROLE_TOKENS["viewer"][:-1], "ä" * 30, "x" * 2_000],
)
def test_a_wrong_token_gives_no_cookie(ask_as: Ask, token: str) -> None:
    """Neither a part of one, nor anything else."""
    answer = logged_in(ask_as, token)
    assert (answer.status_code, answer.json()["code"]) == (403, "wrong_token")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"{}", b'{"token": 1}', b"[]", b'{"token": "a", "b": 1}'])
def test_a_login_of_another_form_is_refused(ask_as: Ask, body: bytes) -> None:
    """With a sentence, as every body."""
    answer = ask_as("POST", "/api/login", JSON, content=body)
    assert answer.status_code == 400
    assert "token" in answer.json()["error"]


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"host": "evil.example"}, 421),
    ],
)
def test_no_other_page_can_log_a_person_in(
    ask_as: Ask, changed: dict[str, str], status: int
) -> None:
    """It would make the person use the role of another one."""
    answer = logged_in(ask_as, ROLE_TOKENS["operator"], changed)
    assert answer.status_code == status
    assert "set-cookie" not in answer.headers


def test_a_change_with_a_cookie_needs_the_token_of_the_page_too(
    ask_as: Ask, roles: Roles, right: dict[str, str]
) -> None:
    """A browser sends cookies by itself, but no header of ours."""
    headers = right | cookie(roles, "operator")
    assert ask_as("POST", "/api/painted", headers, content=b"{}").status_code == 400
    del headers["x-spaf-token"]
    assert ask_as("POST", "/api/painted", headers, content=b"{}").status_code == 403
    with_bearer = JSON | bearer("operator")
    assert ask_as("POST", "/api/painted", with_bearer, content=b"{}").status_code == 400


def test_a_name_of_the_proxy_needs_the_token_of_the_page_too(
    ask_as: Ask, right: dict[str, str]
) -> None:
    """Even if the browser sends the login of a proxy, too, which it does by itself."""
    del right["x-spaf-token"]
    headers = right | named(OPERATOR_NAME) | {"authorization": "Basic YW5hOmFuYQ=="}
    answer = ask_as("POST", "/api/painted", headers, peer=PROXY, content=b"{}")
    assert (answer.status_code, answer.json()["code"]) == (403, "old_token")


def test_a_person_can_log_out(ask_as: Ask, roles: Roles, right: dict[str, str]) -> None:
    """The browser forgets the cookie; a viewer may do so, too."""
    answer = ask_as("POST", "/api/logout", right | cookie(roles, "viewer"), json={})
    assert answer.json() == {"ok": True}
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=; Max-Age=0; Path=/; ")


def test_who_is_not_known_gets_the_login(ask_as: Ask) -> None:
    """In place of the page, with the status that says so, and without the token of the page."""
    page = ask_as("GET", "/")
    assert page.status_code == 401
    assert page.headers["www-authenticate"] == 'Bearer realm="spaf"'
    assert 'content="token"' in page.text
    assert TOKEN not in page.text
    assert "{{" not in page.text
    assert ask_as("GET", "/static/js/login/main.js").status_code == 200
    assert ask_as("GET", "/static/login.html").status_code == 404
    at_proxy = ask_as("GET", "/", PUBLIC_ORIGIN)
    assert 'src="/shop/static/js/login/main.js"' in at_proxy.text


def test_the_page_knows_its_user(ask_as: Ask, roles: Roles) -> None:
    """A role, and the name that the proxy gave; what is in a name is text only."""
    page = ask_as("GET", "/", cookie(roles, "viewer"))
    assert page.status_code == 200
    assert 'name="spaf-role" content="viewer"' in page.text
    assert 'name="spaf-name" content=""' in page.text
    page = ask_as("GET", "/", named('"><script>'), peer=PROXY)
    assert 'name="spaf-name" content="&quot;&gt;&lt;script&gt;"' in page.text
    assert "{{" not in page.text


def test_a_page_without_roles_says_so(ask: Ask) -> None:
    """It shows no user, and has no login."""
    page = ask("GET", "/")
    assert 'name="spaf-role" content=""' in page.text
    assert ask("GET", "/api/me").status_code == 404


def test_a_name_from_another_address_is_refused_with_the_address(ask_as: Ask) -> None:
    """So that a person sees which setting is missing; a token helps all the same."""
    answer = ask_as("GET", "/api/rows", named(OPERATOR_NAME), peer="10.0.0.8")
    assert (answer.status_code, answer.json()["code"]) == (401, "untrusted_proxy")
    assert "10.0.0.8" in answer.json()["error"]
    me = ask_as("GET", "/api/me", named(OPERATOR_NAME) | bearer("viewer"), peer="10.0.0.8")
    assert me.json() == {"role": "viewer", "name": ""}


def test_the_proxy_names_a_person(ask_as: Ask) -> None:
    """The name is kept as it is."""
    for name, role in ((OPERATOR_NAME, "operator"), (VIEWER_NAME, "viewer"), ("Zoë", "viewer")):
        headers = {"x-forwarded-user": name.encode()}
        answer = ask_as("GET", "/api/me", headers, peer=PROXY)
        assert answer.json() == {"role": role, "name": name}


def test_no_token_is_logged(ask_as: Ask, caplog: pytest.LogCaptureFixture) -> None:
    """Neither a right one nor a wrong one, whatever becomes of the request."""
    caplog.set_level(logging.DEBUG)
    for role in ROLE_TOKENS:
        logged_in(ask_as, ROLE_TOKENS[role])
        ask_as("GET", "/api/me", bearer(role))
    assert not [token for token in ROLE_TOKENS.values() if token in caplog.text]


def test_another_token_ends_what_was_given_before(tmp_path: Path) -> None:
    """There is no other list of sessions: a cookie follows from the token."""
    file = tmp_path / "token"
    sessions = []
    for text in ("a" * 24, "b" * 24):
        file.write_text(text)
        found = Roles(RoleOptions(viewer_token_file=str(file))).login(text)
        assert found is not None
        assert found[0].role is PageRole.VIEWER
        sessions.append(found[1])
    assert sessions[0] != sessions[1]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file"),
        (b"", "24 to 1,024 characters"),
        (b"short", "24 to 1,024 characters"),
        (b"with a blank " * 3, "without blanks"),
        ("ä".encode() * 30, "no text in ASCII"),
        (b"x" * 2_000, "24 to 1,024 characters"),
    ],
)
def test_a_file_without_a_token_is_refused(
    tmp_path: Path, content: bytes | None, problem: str
) -> None:
    """In one sentence, which shows nothing of it."""
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Roles(RoleOptions(operator_token_file=str(file)))
    assert caught.value.what.startswith(f"serve.operator_token_file = {file}: ")
    assert problem in caught.value.what
    assert "short" not in caught.value.what


def test_the_two_tokens_must_differ(tmp_path: Path) -> None:
    """One for both would make every viewer an operator."""
    file = tmp_path / "token"
    file.write_text("a" * 24)
    with pytest.raises(SettingsError, match="the same token"):
        Roles(RoleOptions(viewer_token_file=str(file), operator_token_file=str(file)))


def test_the_process_of_the_page_is_told_files_and_no_tokens(tmp_path: Path) -> None:
    """Its arguments can be read by every account."""
    file = tmp_path / "token"
    file.write_text(ROLE_TOKENS["viewer"])
    serve = ServeSettings(
        viewer_token_file=file,
        identity_header="X-Forwarded-User",
        trusted_proxies=("10.0.0.7", "10.1.0.0/16"),
        operators=(OPERATOR_NAME,),
    )
    argument = msgspec.json.encode(PageOptions.of(serve))
    assert ROLE_TOKENS["viewer"].encode() not in argument
    options = msgspec.json.decode(argument, type=PageOptions).roles
    assert options is not None
    assert options.viewer_token_file == str(file)
    assert options.trusted_proxies == ("10.0.0.7", "10.1.0.0/16")
    assert PageOptions.of(ServeSettings()) == PageOptions()
