"""Check what no linter checks: locks match their sources, no forbidden file, one name a class."""

import ast
import hashlib
import re
import subprocess
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Hosts of package registries: the locks name packages and hashes, the clients know the hosts.
REGISTRIES = re.compile(
    r"(pypi\.org|pythonhosted\.org|repo1?\.maven(\.apache)?\.org|registry\.npmjs\.org)"
)
HOME_PATHS = re.compile(r"(/root/|/home/[a-z]+/|/work/)")
MAX_FILE_BYTES = 512 * 1024
# The committed measurements, and the report and the talk that are made from them: all files of each
# together. Others are limited one by one.
MAX_FOLDER_BYTES = {"results/": 10_000_000, "docs/report/": 4_000_000}
THIS = "tools/check_repository.py"
# Programs of other frameworks: each stands alone, so several define one class.
PROGRAMS = ROOT / "src/spaf/bench/peers/programs"
VENDORS = (ROOT / "src/spaf/serve/static/vendor", ROOT / "src/spaf/report/vendor")
# Limits are MAX_ and MIN_, seconds are _S: the house style of CONTRIBUTING.md.
POOR_CONSTANT = re.compile(
    r"^_?((MOST|LEAST|LARGEST|LONGEST|SMALLEST|DEEPEST)(_\w+)?|[A-Z0-9_]+_SECONDS)$"
)
# A row of the table in VENDORED.md: the name of the file first, its SHA-256 last.
VENDORED_ROW = re.compile(r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", re.MULTILINE)


def tracked() -> list[Path]:
    """Return the files that git tracks or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def complaints_about(path: Path) -> list[str]:
    """Return what is wrong with one file."""
    name = str(path.relative_to(ROOT))
    if name == THIS:
        return []
    if path.stat().st_size > MAX_FILE_BYTES and not name.startswith(tuple(MAX_FOLDER_BYTES)):
        return [f"{name}: larger than {MAX_FILE_BYTES // 1024} KiB"]
    text = path.read_bytes().decode("utf-8", "replace")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if REGISTRIES.search(line):
            found.append(f"{name}:{number}: address of a package registry")
        if HOME_PATHS.search(line):
            found.append(f"{name}:{number}: path of one machine")
    return found


def folder_complaints(paths: list[Path]) -> list[str]:
    """Return the folders that are too large."""
    sizes = {
        folder: sum(path.stat().st_size for path in paths if path.is_relative_to(ROOT / folder))
        for folder in MAX_FOLDER_BYTES
    }
    return [
        f"{folder}: {size:,} bytes, more than {MAX_FOLDER_BYTES[folder]:,}"
        for folder, size in sizes.items()
        if size > MAX_FOLDER_BYTES[folder]
    ]


def lock_complaints() -> list[str]:
    """Return direct dependencies that requirements.lock does not hold, and lines without a hash."""
    lock = (ROOT / "requirements.lock").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = [re.split(r"[\[=~<>!; ]", requirement)[0] for requirement in wanted]
    found = [
        f"requirements.lock: {name} is missing; run tools/lock_python.sh"
        for name in names
        if not re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE)
    ]
    packages = re.split(r"\n(?=[a-z0-9])", lock)
    found += [f"requirements.lock: {p[:40]} has no hash" for p in packages if "sha256:" not in p]
    return found


def vendor_complaints(folder: Path) -> list[str]:
    """Return vendored files that VENDORED.md does not list with the sum that they have."""
    listed = dict(VENDORED_ROW.findall((folder / "VENDORED.md").read_text()))
    found = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "VENDORED.md"
    }
    return [
        f"{folder.relative_to(ROOT)}/{name}: is not what VENDORED.md lists; renew both together"
        for name in sorted(listed.keys() | found.keys())
        if listed.get(name) != found.get(name)
    ]


def naming_complaints() -> list[str]:
    """Return class names that two modules define, and constants named against the house style."""
    classes: defaultdict[str, list[str]] = defaultdict(list)
    complaints = []
    for path in sorted((ROOT / "src").rglob("*.py")):
        if path.is_relative_to(PROGRAMS):
            continue
        name = str(path.relative_to(ROOT))
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                classes[node.name].append(name)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                names = [target.id for target in targets if isinstance(target, ast.Name)]
                complaints += [
                    f"{name}: {constant}: say MAX_ or MIN_, and _S for seconds"
                    for constant in names
                    if POOR_CONSTANT.match(constant)
                ]
    complaints += [
        f"{', '.join(files)}: two classes are named {name}"
        for name, files in classes.items()
        if len(files) > 1
    ]
    return complaints


def main() -> int:
    """Print every complaint; exit code 1 if there is one."""
    found = [c for path in tracked() for c in complaints_about(path)]
    found += lock_complaints() + naming_complaints() + folder_complaints(tracked())
    found += [complaint for folder in VENDORS for complaint in vendor_complaints(folder)]
    for complaint in found:
        print(complaint)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
