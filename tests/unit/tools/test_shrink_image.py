"""The installation of an image: smaller, complete by its own lists, and with every used part."""

from __future__ import annotations

import csv
import sys
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tools import shrink_image

NATIVES = (
    "librocksdbjni-linux64.so",
    "librocksdbjni-linux64-musl.so",
    "librocksdbjni-linux32.so",
    "librocksdbjni-linux-aarch64.so",
    "librocksdbjni-linux-ppc64le.so",
    "librocksdbjni-win64.dll",
    "librocksdbjni-osx-arm64.jnilib",
    "META-INF/native/libnetty_quiche42_linux_x86_64.so",
    "META-INF/native/libnetty_quiche42_linux_aarch_64.so",
    "META-INF/native/libnetty_transport_native_epoll_x86_64.so",
    "org/xerial/snappy/native/Linux/x86_64/libsnappyjava.so",
    "org/xerial/snappy/native/Linux/x86/libsnappyjava.so",
    "org/xerial/snappy/native/Linux/s390x/libsnappyjava.so",
    "org/xerial/snappy/native/Linux/aarch64/libsnappyjava.so",
)


@pytest.mark.parametrize(
    ("machine", "own"),
    [
        ("x86_64", [NATIVES[0], NATIVES[7], NATIVES[9], NATIVES[10]]),
        ("aarch64", [NATIVES[3], NATIVES[8], NATIVES[13]]),
    ],
)
def test_libraries_of_this_machine_stay(machine: str, own: list[str]) -> None:
    """And no others; their names differ from library to library."""
    kept = [name for name in NATIVES if not shrink_image.is_of_other_machine(name, machine)]
    assert kept == own


def test_unknown_machine_keeps_every_library() -> None:
    """A large image is better than one that does not run."""
    assert not any(shrink_image.is_of_other_machine(name, "riscv64") for name in NATIVES)


def test_classes_are_no_libraries() -> None:
    """Whatever they are called."""
    assert not shrink_image.is_of_other_machine("org/windows/Arm.class", "x86_64")


def test_stripped_package_is_complete_by_its_own_list(tmp_path: Path) -> None:
    """Files are gone with their rows; a smaller jar has its new hash and size."""
    names = ("pyflink/a.py", "pyflink/a.pyi", "pyflink/tests/b.py", "../../bin/x.a")
    for name in names[:3]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    jar = tmp_path / "pyflink/opt/flink-python-2.3.0.jar"
    jar.parent.mkdir()
    with zipfile.ZipFile(jar, "w") as file:
        for entry in ("org/apache/beam/A.class", "org/apache/flink/B.class", "libx-win64.dll"):
            file.writestr(entry, entry)
    record = tmp_path / "pyflink-1.dist-info/RECORD"
    record.parent.mkdir()
    rows = [[name, "sha256=x", "1"] for name in (*names, "pyflink/opt/flink-python-2.3.0.jar")]
    with record.open("w", newline="") as file:
        csv.writer(file).writerows(rows)

    assert shrink_image.strip(tmp_path, "x86_64") > 0
    with record.open(newline="") as file:
        left = list(csv.reader(file))
    assert [row[0] for row in left] == [names[0], names[3], "pyflink/opt/flink-python-2.3.0.jar"]
    assert left[2][2] == str(jar.stat().st_size)
    assert left[2][1] != "sha256=x"
    assert not (tmp_path / names[1]).exists()
    with zipfile.ZipFile(jar) as file:
        assert file.namelist() == ["org/apache/flink/B.class"]
    assert shrink_image.strip(tmp_path, "x86_64") == 0


def test_copies_of_python_become_links(tmp_path: Path) -> None:
    """To the one that has made the environment; a second time changes nothing."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    system = tmp_path / "usr" / version
    environment = tmp_path / "venv"
    for name in ("python", "python3", version):
        (environment / "bin" / name).parent.mkdir(parents=True, exist_ok=True)
        (environment / "bin" / name).write_text("copy")
    (environment / "pyvenv.cfg").write_text(f"home = {system.parent}\nversion = 3.11.2\n")
    assert shrink_image.link_python(environment) == 0
    system.parent.mkdir()
    system.touch()
    assert shrink_image.link_python(environment) == 12
    assert {path.resolve() for path in (environment / "bin").iterdir()} == {system}
    assert shrink_image.link_python(environment) == 0


def test_words_of_the_catalogue_stay() -> None:
    """English, and what all languages share."""
    kept = ("en/text.json", "global/finance.json", "int/address.py", "__init__.py")
    left = [
        name
        for name in (*kept, "pt-br/text.json", "pt/text.json", "es/text.json", "en-gb/text.json")
        if not any(
            fnmatchcase(f"mimesis/datasets/{name}", pattern) for pattern in shrink_image.UNUSED
        )
    ]
    assert left == list(kept)
