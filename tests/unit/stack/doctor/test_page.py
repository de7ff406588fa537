"""The checks of the live page: a page that others reach has roles, and their tokens can be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from spaf import settings
from spaf.errors import SettingsError
from spaf.stack.doctor import page
from spaf.stack.doctor.finding import Finding, Level, Subject, findings

pytestmark = pytest.mark.usefixtures("bare")
TOKEN = "a" * 24


def chosen(**flags: object) -> settings.Settings:
    """Return settings with some of the page and of its service."""
    return settings.load(**flags)


def found(**serve: object) -> Finding:
    """Return what the check of `spaf up` finds."""
    (finding,) = findings(page.roles, Subject.of(chosen(serve=serve)))
    return finding


@pytest.mark.parametrize("bind", ["0.0.0.0", "10.0.0.7", "::"])  # noqa: S104 - is refused
def test_a_page_that_other_hosts_reach_needs_roles(bind: str, tmp_path: Path) -> None:
    """Tokens, a proxy, or the word that only this machine reaches it."""
    with pytest.raises(SettingsError) as caught:
        page.require_roles(chosen(service={"bind": bind}))
    assert caught.value.what.startswith(f"service.bind is {bind}, where other hosts reach the page")
    (tmp_path / "token").write_text(TOKEN)
    proxy = {"identity_header": "X-Forwarded-User", "trusted_proxies": ("10.0.0.8",)}
    for serve in ({"viewer_token_file": tmp_path / "token"}, proxy, {"without_roles": True}):
        page.require_roles(chosen(service={"bind": bind}, serve=serve))


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "::1"])
def test_a_page_of_this_machine_needs_none(bind: str) -> None:
    """It is open to every account of this machine."""
    page.require_roles(chosen(service={"bind": bind}))


def test_a_token_that_cannot_be_used_prevents_the_start() -> None:
    """Both of a whole run and of the page alone."""
    with pytest.raises(SettingsError, match="No such file"):
        page.require_roles(chosen(serve={"viewer_token_file": Path("none")}))
    finding = found(viewer_token_file=Path("none"))
    assert finding.level is Level.FAIL
    assert "No such file" in finding.what


def test_the_report_says_who_may_do_what(tmp_path: Path) -> None:
    """And that everyone may do everything without roles."""
    (tmp_path / "token").write_text(TOKEN)
    assert "no roles" in found().what
    assert found(operator_token_file=tmp_path / "token").what == "page: operators by token"
    proxy = found(identity_header="X-User", trusted_proxies=("10.0.0.8",), operators=("ana",))
    assert proxy.what == "page: people by X-User, 1 of them operators"
