"""The bill of materials: every part with version, licence and hash."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from tools import make_sbom

POM = "<project><licenses><license><name>The MIT License</name></license></licenses></project>"
NOTICE = """\
This project bundles the following dependencies under the Apache Software License 2.0 (http://x)

- com.google.guava:guava:33.4.0-jre
- com.google.guava:guava:33.4.0-jre
- io.netty:netty-epoll:linux-x86_64:4.2.6.Final
This project bundles the following dependencies under the BSD license.
- org.codehaus.janino:janino:3.1.10
"""


def test_python_packages_have_licence_and_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each that is installed; what only tests need is marked as no part of the product."""
    monkeypatch.setattr(make_sbom, "INSIDE", {})
    found = {component["name"]: component for component in make_sbom.packages()}
    required = [component for component in found.values() if component["scope"] == "required"]
    assert [component["name"] for component in required if "licenses" not in component] == []
    assert found["locust"]["scope"] == "required"
    assert found["mypy"]["scope"] == "excluded"
    for component in found.values():
        hashes = component["externalReferences"][0]["hashes"]
        assert hashes
        assert {entry["alg"] for entry in hashes} == {"SHA-256"}


def test_jar_names_licence_hash_and_what_it_bundles(tmp_path: Path) -> None:
    """From its own files; a part that is listed twice is one part, and its platform no version."""
    path = tmp_path / "a-1.0.jar"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("META-INF/maven/g/a/pom.xml", POM)
        file.writestr("META-INF/NOTICE", NOTICE)
    component = make_sbom.jar("g", "a", "1.0", path)
    assert component["purl"] == "pkg:maven/g/a@1.0"
    assert component["licenses"] == [{"expression": "MIT"}]
    assert len(component["hashes"][0]["content"]) == 64
    inside = {part["purl"]: part["licenses"] for part in component["components"]}
    assert inside == {
        "pkg:maven/com.google.guava/guava@33.4.0-jre": [{"expression": "Apache-2.0"}],
        "pkg:maven/io.netty/netty-epoll@4.2.6.Final": [{"expression": "Apache-2.0"}],
        "pkg:maven/org.codehaus.janino/janino@3.1.10": [{"expression": "BSD-3-Clause"}],
    }


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("BSD 2-Clause License", "BSD-2-Clause"),
        ("The PostgreSQL License", "PostgreSQL"),
        ("House Licence 7", "House Licence 7"),
    ],
)
def test_licences_get_the_names_of_spdx(text: str, name: str) -> None:
    """One that is not known keeps its own."""
    assert make_sbom.spdx_name(text) == name


def test_own_name_of_a_licence_is_no_expression() -> None:
    """CycloneDX refuses an expression that SPDX does not know."""
    assert make_sbom.licence_entry("MIT OR Apache-2.0") == {"expression": "MIT OR Apache-2.0"}
    assert make_sbom.licence_entry("House Licence 7") == {"license": {"name": "House Licence 7"}}


def test_javascript_of_the_page_is_listed() -> None:
    """Each package once, with its files and their hashes."""
    found = {component["name"]: component for component in make_sbom.scripts()}
    assert {"uplot", "lit-html", "reveal.js"} <= set(found)
    assert all(part["hashes"] for one in found.values() for part in one["components"])


def test_packages_of_debian(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are installed; removed ones are still in the list."""
    status = tmp_path / "status"
    status.write_text(
        "Package: tini\nStatus: install ok installed\nArchitecture: amd64\nVersion: 0.19.0-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n"
    )
    monkeypatch.setattr(make_sbom, "DPKG_STATUS", status)
    monkeypatch.setattr(make_sbom, "COPYRIGHTS", tmp_path)
    (tmp_path / "tini").mkdir()
    (tmp_path / "tini/copyright").write_text("Format: x\n\nFiles: *\nLicense: Expat\n")
    purls = [component["purl"] for component in make_sbom.debian()]
    assert purls == ["pkg:deb/debian/tini@0.19.0-1?arch=amd64"]
    assert json.dumps(list(make_sbom.debian())).count("Expat") == 1
