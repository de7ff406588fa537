"""Compare everything that is installed with the public list of known weaknesses: `make audit`.

The list is that of OSV, which holds the advisories of Python's packages (those of pip-audit), of
Maven's jars and of npm. What is asked for are the names and versions of the software bill of
materials, with what Flink's and Kafka's jars bundle. Exit code 1 if a weakness is known that
tools/audit.toml does not accept with a reason, 2 if the list cannot be reached.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

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


def main() -> int:
    """Print each known weakness; return the exit code."""
    components = list(make_sbom.flat(make_sbom.make_bill(system=False)["components"]))
    packages = sorted({c["purl"] for c in components if c.get("purl", "").startswith(KINDS)})
    unlisted = sorted(
        {c["purl"] for c in components if c.get("purl", "").startswith("pkg:generic")}
    )
    accepted = tomllib.loads(ACCEPTED.read_text())
    try:
        with httpx.Client(base_url=SERVICE, timeout=TIMEOUT_S) as client:
            found = dict(known_weaknesses(client, packages))
            weaknesses = {weakness for known in found.values() for weakness in known}
            named = {weakness: details(client, weakness) for weakness in weaknesses}
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        print(f"Nothing was compared: {SERVICE} does not answer as it should ({error!r}).")
        print("Try again where the network reaches it, or name a mirror: OSV_URL=https://...")
        return 2
    print("\n".join(report(found, named, accepted)))
    print(f"{len(packages)} packages compared; the list does not know {', '.join(unlisted)}.")
    return 1 if named.keys() - accepted.keys() else 0


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


def details(client: httpx.Client, name: str) -> str:
    """Return other names of a weakness and what it is, in one line.

    Raises:
        httpx.HTTPError: the list does not answer.

    """
    weakness = client.get(f"/v1/vulns/{name}").raise_for_status().json()
    aliases = ", ".join(weakness.get("aliases", ()))
    summary = weakness.get("summary") or weakness.get("details", "").split("\n")[0]
    return f"{aliases}: {summary}" if aliases else str(summary)


def report(
    found: Mapping[str, list[str]], named: Mapping[str, str], accepted: Mapping[str, str]
) -> Iterator[str]:
    """Yield a line for each weakness of a package, and for each reason that is needed no more."""
    for package, names in sorted(found.items()):
        for name in names:
            why = f" (accepted: {accepted[name]})" if name in accepted else ""
            yield f"{package}: {name}, {named[name]}{why}"
    for name in sorted(accepted.keys() - named.keys()):
        yield f"audit.toml accepts {name}, which no package has any more: remove it."


if __name__ == "__main__":
    sys.exit(main())
