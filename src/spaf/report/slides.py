"""The talk: slides with figures and plots of records, in a folder that needs no network."""

from __future__ import annotations

import shutil
from importlib.resources import as_file, files
from pathlib import Path

from spaf.errors import SettingsError
from spaf.files import write_atomically
from spaf.report.renderer import Renderer

# Folder of the templates, name of the page, and its files that are not of reveal.js.
DECK = "deck"
PAGE = "slides-{}.html"
ASSETS = ("deck.css", "start.js")


def write_talk(renderer: Renderer, folder: Path) -> Path:
    """Write the talk into a new or empty folder, or in place of an older talk; return its page.

    Raises:
        SettingsError: the folder holds something else, or cannot be written.

    """
    check_folder(folder)
    page = renderer.page(DECK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with as_file(files("spaf.report")) as package:
            reveal = package / "vendor" / "reveal"
            shutil.copytree(reveal, folder / "reveal", dirs_exist_ok=True)
            for name in ASSETS:
                shutil.copyfile(package / DECK / name, folder / name)
        written = folder / PAGE.format(renderer.language)
        write_atomically(written, page.encode())
    except OSError as error:
        raise SettingsError(
            f"The talk cannot be written to {folder} ({error.strerror})."
        ) from error
    return written


def check_folder(folder: Path) -> None:
    """Refuse a folder whose files the talk would be mixed with.

    Raises:
        SettingsError: it is a file, or holds something that is no talk.

    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file.", todo="Name a folder by --output.")
    if folder.is_dir() and not (folder / "reveal").is_dir() and any(folder.iterdir()):
        raise SettingsError(
            f"{folder} is not empty and holds no talk.", todo="Name another folder by --output."
        )
