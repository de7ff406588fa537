"""Render deploy/kubernetes, and check every object against the schemas of a cluster.

    .venv/bin/python tools/check_kubernetes.py [SCHEMAS ...]

SCHEMAS are files with what a cluster says of itself (`kubectl get --raw /openapi/v2`), or with its
custom resource definitions (`kubectl get crd --output yaml`). A field that no schema has is an
error: a cluster would drop it and say nothing.

The renderer does what these kustomizations use (resources, components, patches, config maps,
labels, images) and refuses everything else. It is for checks only: `kubectl apply -k` applies them.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1] / "deploy" / "kubernetes"
FILE = "kustomization.yaml"
KNOWN = {
    *("apiVersion", "kind", "namespace", "resources", "components", "labels"),
    *("configMapGenerator", "patches", "images"),
}
# Their lists are replaced by a patch; those of Kubernetes' own kinds are merged by a key.
CUSTOM_GROUPS = ("kafka.strimzi.io/", "flink.apache.org/", "postgresql.cnpg.io/")
LIST_KEYS = ("mountPath", "name")
KIND = "x-kubernetes-group-version-kind"

Object = dict[str, Any]


class Key(NamedTuple):
    """What names an object of a rendered folder."""

    kind: str
    name: str


def documents(file: Path) -> list[Object]:
    """Return the documents of a YAML file."""
    return [one for one in YAML(typ="safe").load_all(file) if one is not None]


def key_of(found: Object) -> Key:
    """Return what names an object."""
    return Key(found["kind"], found["metadata"]["name"])


def render(folder: Path) -> dict[Key, Object]:
    """Return the objects of a folder with a kustomization.

    Raises:
        ValueError: a kustomization is of a form that this does not know, or names what is missing.

    """
    objects: dict[Key, Object] = {}
    _apply(folder, objects)
    return objects


def _apply(folder: Path, objects: dict[Key, Object]) -> None:
    """Add what a kustomization has to the objects, and change them as it says."""
    (plan,) = documents(folder / FILE)
    unknown = plan.keys() - KNOWN
    if unknown:
        raise ValueError(f"{folder / FILE}: {', '.join(sorted(unknown))} is not known here")
    for name in plan.get("resources", ()):
        added = render(folder / name) if (folder / name).is_dir() else _read(folder / name)
        twice = objects.keys() & added.keys()
        if twice:
            raise ValueError(f"{folder / name}: {twice} is there already")
        objects |= added
    for name in plan.get("components", ()):
        _apply(folder / name, objects)
    for generator in plan.get("configMapGenerator", ()):
        _generate(folder, generator, objects)
    for patch in plan.get("patches", ()):
        for change in documents(folder / patch["path"]):
            target = objects.get(key_of(change))
            if target is None or target["apiVersion"] != change["apiVersion"]:
                raise ValueError(f"{folder / patch['path']}: there is no {key_of(change)}")
            by_key = not change["apiVersion"].startswith(CUSTOM_GROUPS)
            objects[key_of(change)] = merged(target, change, by_key=by_key)
    for found in objects.values():
        _transform(found, plan)


def _read(file: Path) -> dict[Key, Object]:
    return {key_of(found): found for found in documents(file)}


def _generate(folder: Path, generator: Object, objects: dict[Key, Object]) -> None:
    lines = [line for env in generator.get("envs", ()) for line in _lines(folder / env)]
    data = dict(line.split("=", 1) for line in (*lines, *generator.get("literals", ())))
    key = Key("ConfigMap", generator["name"])
    if generator.get("behavior") == "merge":
        if key not in objects:
            raise ValueError(f"{folder / FILE}: there is no {key} to merge into")
        objects[key]["data"] |= data
    else:
        metadata = {"name": generator["name"]}
        objects[key] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def _lines(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _transform(found: Object, plan: Object) -> None:
    metadata = found["metadata"]
    if "namespace" in plan and found["kind"] != "Namespace":
        metadata["namespace"] = plan["namespace"]
    for label in plan.get("labels", ()):
        metadata["labels"] = {**metadata.get("labels", {}), **label["pairs"]}
    for image in plan.get("images", ()):
        for container in containers_of(found):
            if container.get("image") == image["name"]:
                container["image"] = f"{image.get('newName', image['name'])}:{image['newTag']}"


def containers_of(found: Object) -> list[Object]:
    """Return the containers of a Deployment."""
    if found["kind"] != "Deployment":
        return []
    containers: list[Object] = found["spec"]["template"]["spec"]["containers"]
    return containers


def merged(base: Any, change: Any, *, by_key: bool) -> Any:
    """Return a value with a patch applied.

    Args:
        base: the value.
        change: the patch; null removes.
        by_key: whether items of lists that have a name are merged with those of the same name.

    """
    if isinstance(base, dict) and isinstance(change, dict):
        result = dict(base)
        for name, value in change.items():
            if value is None:
                result.pop(name, None)
            else:
                result[name] = merged(result.get(name), value, by_key=by_key)
        return result
    if isinstance(base, list) and isinstance(change, list) and by_key:
        return _merged_lists(base, change)
    return copy.deepcopy(change)


def _merged_lists(base: list[Any], change: list[Any]) -> list[Any]:
    items = [item for item in change if isinstance(item, dict)]
    key = next((k for k in LIST_KEYS if items and all(k in item for item in items)), None)
    if key is None:
        return copy.deepcopy(change)
    result = {item[key]: item for item in base}
    for item in items:
        if item.get("$patch") == "delete":
            del result[item[key]]
        else:
            result[item[key]] = merged(result.get(item[key]), item, by_key=True)
    return list(result.values())


class Schemas:
    """The schemas of kinds, by API version and kind."""

    def __init__(self) -> None:
        """Start with none."""
        self._kinds: dict[tuple[str, str], Object] = {}
        self._definitions: dict[str, Object] = {}

    def read(self, file: Path) -> None:
        """Add those of a file: a cluster's OpenAPI document, or custom resource definitions."""
        if file.suffix == ".json":
            loaded: list[Object] = [json.loads(file.read_bytes())]
        else:
            loaded = documents(file)
        for found in loaded:
            for item in found.get("items", [found]):
                if item.get("kind") == "CustomResourceDefinition":
                    self._add_custom(item["spec"])
            self._add_definitions(found.get("definitions", {}))

    def _add_definitions(self, definitions: Mapping[str, Object]) -> None:
        self._definitions |= definitions
        for schema in definitions.values():
            for kind in schema.get(KIND, ()):
                version = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
                self._kinds.setdefault((version, kind["kind"]), schema)

    def _add_custom(self, spec: Object) -> None:
        for version in spec["versions"]:
            schema = version.get("schema", {}).get("openAPIV3Schema", {})
            name = f"{spec['group']}/{version['name']}"
            self._kinds[name, spec["names"]["kind"]] = schema

    def problems(self, found: Object) -> Iterator[str]:
        """Yield what is wrong with an object; one whose kind is not known has no schema."""
        schema = self._kinds.get((found["apiVersion"], found["kind"]))
        if schema is None:
            yield f"no schema of {found['apiVersion']} {found['kind']}"
            return
        rest = {k: v for k, v in found.items() if k not in ("apiVersion", "kind", "metadata")}
        properties = schema.get("properties", {})
        if not rest.keys() <= properties.keys():
            yield f"unknown: {', '.join(rest.keys() - properties.keys())}"
        for name, value in rest.items():
            yield from self._problems(value, properties.get(name, {}), name)

    def _problems(self, value: Any, schema: Object, where: str) -> Iterator[str]:
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        for part in schema.get("allOf", ()):
            if "$ref" in part:
                yield from self._problems(value, part, where)
        problem = _plain_problem(value, schema)
        if problem:
            yield f"{where} {problem}"
        elif isinstance(value, dict):
            yield from self._object_problems(value, schema, where)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self._problems(item, schema.get("items", {}), f"{where}[{number}]")

    def _object_problems(self, value: Object, schema: Object, where: str) -> Iterator[str]:
        properties: Object = schema.get("properties", {})
        others = schema.get("additionalProperties")
        is_free = others is not None or "x-kubernetes-preserve-unknown-fields" in schema
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name} is missing"
        for name, inner in value.items():
            if name in properties:
                yield from self._problems(inner, properties[name], f"{where}.{name}")
            elif isinstance(others, dict):
                yield from self._problems(inner, others, f"{where}.{name}")
            elif properties and not is_free:
                yield f"{where}.{name} is unknown"


def _plain_problem(value: Any, schema: Object) -> str:
    """Return what is wrong with a value itself; empty if nothing is."""
    types: dict[str, Any] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
    }
    wanted = schema.get("type")
    # Quantities are numbers or texts, too, and older documents call both a string.
    is_loose = schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string"
    if wanted in types and not is_loose:
        is_bool = isinstance(value, bool)
        if not isinstance(value, types[wanted]) or (is_bool and wanted != "boolean"):
            return f"is no {wanted}: {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"is {value!r}, not one of {schema['enum']}"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        return f"is {value!r}, not of the form {schema['pattern']}"
    if "minimum" in schema and isinstance(value, int) and value < schema["minimum"]:
        return f"is {value}, less than {schema['minimum']}"
    return ""


def main() -> int:
    """Check every overlay; print what is wrong, and return the exit code."""
    schemas = Schemas()
    for name in sys.argv[1:]:
        schemas.read(Path(name))
    wrong = 0
    for overlay in sorted(path.parent for path in ROOT.glob(f"overlays/*/{FILE}")):
        objects = render(overlay)
        problems = [
            f"{key.kind} {key.name}: {problem}"
            for key, found in objects.items()
            for problem in (schemas.problems(found) if sys.argv[1:] else ())
        ]
        print("\n".join([f"{overlay.relative_to(ROOT)}: {len(objects)} objects", *problems]))
        wrong += len(problems)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
