"""Compare everything that is installed with the public list of known weaknesses: `make audit`.

The list is that of OSV, which holds the advisories of Python's packages (those of pip-audit), of
Maven's jars and of npm. What is asked for are the names and versions of the software bill of
materials, with what Flink's and Kafka's jars bundle. Exit code 1 if a weakness is known that
tools/audit.toml does not accept with a reason, 2 if the list cannot be reached; then the
weaknesses of audit.toml are shown, which are those of the day when it was made.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tools import make_sbom

# The address of a mirror may be given instead.
SERVICE = os.environ.get("OSV_URL", "https://api.osv.dev")
ACCEPTED = Path(__file__).with_name("audit.toml")
# https://google.github.io/osv.dev/post-v1-querybatch/: so many packages a request at most.
MAX_QUERIES = 1_000
TIMEOUT_S = 30.0
# The kinds of packages that the list knows; PostgreSQL and Java announce theirs on their own pages.
KINDS = ("pkg:pypi/", "pkg:maven/", "pkg:npm/")


class Weakness(NamedTuple):
    """A weakness of OSV's list."""

    name: str
    aliases: tuple[str, ...]
    what: str

    @property
    def names(self) -> tuple[str, ...]:
        """Every name: OSV's own one and those of other lists."""
        return (self.name, *self.aliases)

    @property
    def line(self) -> str:
        """The names and what it is."""
        return f"{', '.join(self.names)}: {self.what}"


class Accepted(NamedTuple):
    """What audit.toml has of a weakness: packages with versions, and why it is accepted."""

    packages: list[str]
    fixed: str
    what: str
    why: str
    source: str


def main() -> int:
    """Print each known weakness; return the exit code."""
    components = list(make_sbom.flat(make_sbom.make_bill(system=False)["components"]))
    packages = sorted({c["purl"] for c in components if c.get("purl", "").startswith(KINDS)})
    unlisted = sorted(
        {c["purl"] for c in components if c.get("purl", "").startswith("pkg:generic")}
    )
    listed = tomllib.loads(ACCEPTED.read_text())
    date = listed.pop("date")
    accepted = {name: Accepted(**entry) for name, entry in listed.items()}
    try:
        with httpx.Client(base_url=SERVICE, timeout=TIMEOUT_S) as client:
            found = dict(known_weaknesses(client, packages))
            names = {name for known in found.values() for name in known}
            weaknesses = {name: details(client, name) for name in names}
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        print(f"Nothing was compared: {SERVICE} does not answer as it should ({error!r}).")
        print("Try again where the network reaches it, or name a mirror: OSV_URL=https://...")
        print(f"On {date} these were known by tools/audit.toml, which is not complete:")
        print("\n".join(known_by_hand(packages, accepted)))
        return 2
    print("\n".join(report(found, weaknesses, accepted)))
    print(f"{len(packages)} packages compared; the list does not know {', '.join(unlisted)}.")
    open_ones = [one for one in weaknesses.values() if accepted.keys().isdisjoint(one.names)]
    return 1 if open_ones else 0


def known_weaknesses(
    client: httpx.Client, packages: Iterable[str]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each package that has known weaknesses, with their names.

    A package with more of them than one answer holds is asked for again from there on.

    Raises:
        httpx.HTTPError: the list does not answer.

    """
    asked: list[dict[str, Any]] = [{"package": {"purl": purl}} for purl in packages]
    found: dict[str, list[str]] = {}
    while asked:
        batch, asked = asked[:MAX_QUERIES], asked[MAX_QUERIES:]
        answer = client.post("/v1/querybatch", json={"queries": batch}).raise_for_status().json()
        for query, result in zip(batch, answer["results"], strict=True):
            names = [weakness["id"] for weakness in result.get("vulns", ())]
            if names:
                found.setdefault(query["package"]["purl"], []).extend(names)
            if page := result.get("next_page_token"):
                asked.append({**query, "page_token": page})
    yield from found.items()


def details(client: httpx.Client, name: str) -> Weakness:
    """Return a weakness: its other names, and what it is in one line.

    Raises:
        httpx.HTTPError: the list does not answer.

    """
    weakness = client.get(f"/v1/vulns/{name}").raise_for_status().json()
    what = weakness.get("summary") or weakness.get("details", "").split("\n")[0]
    return Weakness(name, tuple(weakness.get("aliases", ())), what)


def report(
    found: Mapping[str, list[str]],
    weaknesses: Mapping[str, Weakness],
    accepted: Mapping[str, Accepted],
) -> Iterator[str]:
    """Yield a line for each weakness of a package, and for each reason that is needed no more."""
    for package, names in sorted(found.items()):
        for weakness in (weaknesses[name] for name in names):
            why = next((accepted[name].why for name in weakness.names if name in accepted), "")
            yield f"{package}: {weakness.line}" + (f" (accepted: {why})" if why else "")
    known = {name for weakness in weaknesses.values() for name in weakness.names}
    for name in sorted(accepted.keys() - known):
        yield f"audit.toml accepts {name}, which no package has any more: remove it."


def known_by_hand(packages: Iterable[str], accepted: Mapping[str, Accepted]) -> Iterator[str]:
    """Yield a line for each weakness of audit.toml that an installed package has."""
    installed = set(packages)
    for name, one in accepted.items():
        for package in sorted(installed.intersection(one.packages)):
            yield f"{package}: {name}: {one.what}; fixed in {one.fixed} (accepted: {one.why})"


if __name__ == "__main__":
    sys.exit(main())
