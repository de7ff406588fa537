"""Passwords that the server and the page share, from different run folders."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spaf import settings
from spaf.errors import StackError
from spaf.settings import Settings
from spaf.stack.service_secrets import link_secrets, make_secrets
from spaf.stack.state import RunFolder


@pytest.fixture
def chosen(bare: Path) -> Settings:
    """Return settings that name a file which does not exist yet."""
    return settings.load(service={"secrets_file": str(bare / "secrets" / "secrets.json")})


def folder(bare: Path, name: str) -> RunFolder:
    """Make a run folder."""
    made = RunFolder(bare / name)
    made.create()
    return made


def test_server_makes_them_once_and_the_page_finds_the_same(bare: Path, chosen: Settings) -> None:
    """Also after a restart of either; only their owner may read them."""
    (bare / "secrets").mkdir()
    server, page = folder(bare, "server"), folder(bare, "page")
    for _ in range(2):
        make_secrets(chosen, server)
        link_secrets(chosen, page)
    assert server.passwords() == page.passwords()
    assert set(page.passwords()) == {"superuser", "spaf_owner", "spaf_sink", "spaf_read"}
    file = bare / "secrets" / "secrets.json"
    assert json.loads(file.read_text()) == page.passwords()
    assert file.stat().st_mode & 0o777 == 0o600
    assert page.secrets.is_symlink()


def test_page_without_the_servers_file_says_who_makes_it(bare: Path, chosen: Settings) -> None:
    """Passwords of its own would be refused by the server."""
    with pytest.raises(StackError, match="cannot be read") as caught:
        link_secrets(chosen, folder(bare, "page"))
    assert "spaf service postgres" in caught.value.todo


def test_folder_that_cannot_be_written_is_one_sentence(bare: Path, chosen: Settings) -> None:
    """Such as a volume that is not mounted."""
    with pytest.raises(StackError, match=r"cannot be written to .*secrets\.json \(No such file"):
        make_secrets(chosen, folder(bare, "server"))


def test_own_passwords_of_a_run_folder_are_kept(bare: Path, chosen: Settings) -> None:
    """They open the tables of that folder."""
    (bare / "secrets").mkdir()
    used = folder(bare, "used")
    before = used.passwords()
    with pytest.raises(StackError, match="holds passwords of its own"):
        make_secrets(chosen, used)
    assert used.passwords() == before


def test_without_the_setting_the_run_folder_has_them(bare: Path) -> None:
    """As for `spaf up`."""
    made = folder(bare, "alone")
    make_secrets(settings.load(), made)
    link_secrets(settings.load(), made)
    assert not made.secrets.exists()
