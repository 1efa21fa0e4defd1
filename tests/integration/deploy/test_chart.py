"""The chart, rendered by Helm itself and checked against the schemas of Kubernetes' API."""

import copy
import itertools
import json
import os
import re
import subprocess
import sys

import pytest

from tanger.service.settings import Settings
from tests.support import ROOT

MISSING = "the group deploy of pyproject.toml is not installed: make chart"
helm = pytest.importorskip("helm_python", reason=MISSING)
kubernetes_validate = pytest.importorskip("kubernetes_validate", reason=MISSING)
import jsonschema  # noqa: E402  # kubernetes_validate's own
import yaml  # noqa: E402

CHART = ROOT / "deploy/helm/tanger"
SCHEMAS = ROOT / "tests/data/kubernetes"
# The oldest that Chart.yaml allows, and the newest that is known here
VERSIONS = ("1.29", kubernetes_validate.latest_version())
EXAMPLES = [
    yaml.safe_load(block)
    for block in re.findall(
        r"^```yaml\n(.*?)^```", (ROOT / "docs/kubernetes.md").read_text(), re.MULTILINE | re.DOTALL
    )
]
COMBINATIONS = [{}, *EXAMPLES, *(
    (first, second) for first, second in itertools.combinations(EXAMPLES, 2)
)]  # fmt: skip


@pytest.fixture(scope="module")
def chart():
    with helm.Chart.load(CHART) as chart:
        yield chart


def merged(first, second):
    """Values of two files, as Helm merges them: what the second says wins."""
    result = copy.deepcopy(first)
    for name, value in second.items():
        both = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = merged(result[name], value) if both else value
    return result


def objects(chart, values, name="words"):
    """What the chart makes of values, by kind and name."""
    chart.validate_schema(values)
    files = chart.render(values, name=name, namespace="speech")
    found = {}
    for path, text in files.items():
        if path.endswith(".yaml"):
            for each in yaml.safe_load_all(text):
                if each is not None:
                    key = each["kind"], each["metadata"]["name"]
                    assert key not in found, key
                    found[key] = each
    return found


def is_writable_beside_others(values):
    several = values.get("replicas", 2) > 1
    scaled = values.get("autoscaling", {}).get("metric", "none") != "none"
    return values.get("userLexicon", {}).get("writable", False) and (several or scaled)


def check_object(each):
    """Against the API's schema, or ours of kinds that are no part of Kubernetes."""
    ours = SCHEMAS / f"{each['kind']}.json"
    if ours.exists():
        jsonschema.validate(each, json.loads(ours.read_text()))
        return
    for version in VERSIONS:
        kubernetes_validate.validate(each, version, strict=True)


def check_pod(spec):
    """What no schema says of a pod."""
    (container,) = spec["containers"]
    assert not spec["enableServiceLinks"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    mounted = [mount["name"] for mount in container["volumeMounts"]]
    assert mounted == [volume["name"] for volume in spec["volumes"]]
    names = [variable["name"] for variable in container["env"]]
    assert len(set(names)) == len(names)
    settings = [name for name in names if name.startswith("TANGER_")]
    known = {f"TANGER_{name.upper()}" for name in Settings.model_fields}
    assert set(settings) <= known, set(settings) - known
    # They are a service's settings, and a wrong one stops its start
    if settings:
        given = {
            variable["name"].removeprefix("TANGER_").lower(): variable["value"]
            for variable in container["env"]
        }
        Settings(_env_prefix="NONE_", **given)


def check_service(found, values):
    labels = {"app.kubernetes.io/name": "tanger", "app.kubernetes.io/instance": "words"}
    pod = found["Deployment", "words-tanger"]["spec"]["template"]
    assert labels.items() <= pod["metadata"]["labels"].items()
    (container,) = pod["spec"]["containers"]
    ports = {port["name"] for port in container["ports"]}
    for (kind, _), each in found.items():
        spec = each.get("spec", {})
        selector = spec.get("podSelector", spec.get("selector", {}))
        if kind == "Service":
            assert selector == labels
            assert {port["targetPort"] for port in spec["ports"]} <= ports
        elif kind in ("Deployment", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"):
            assert selector == {"matchLabels": labels}
    probes = [container[f"{name}Probe"]["httpGet"] for name in ("startup", "readiness", "liveness")]
    assert [probe["path"] for probe in probes] == ["/startupz", "/readyz", "/livez"]
    assert {probe["port"] for probe in probes} <= ports
    drain = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = next(int(e["value"]) for e in container["env"] if e["name"] == "TANGER_GRACE")
    assert pod["spec"]["terminationGracePeriodSeconds"] > drain + grace
    scaled = values.get("autoscaling", {}).get("metric", "none") != "none"
    assert ("replicas" in found["Deployment", "words-tanger"]["spec"]) != scaled


@pytest.mark.parametrize("values", COMBINATIONS, ids=range(len(COMBINATIONS)))
def test_every_combination_that_the_documents_name(chart, values):
    values = merged(*values) if isinstance(values, tuple) else values
    if is_writable_beside_others(values):
        with pytest.raises(helm.HelmRenderError, match="SQLite file, which belongs to one machine"):
            objects(chart, values)
        return
    report = helm.lint(CHART, values, strict=True, kube_version="v1.29.0")
    assert not report["errors"]
    assert [each["error"] for each in report["messages"]] == ["icon is recommended"]
    found = objects(chart, values)
    for each in found.values():
        check_object(each)
        spec = each.get("spec", {}).get("template", {}).get("spec")
        if spec:
            check_pod(spec)
    if values.get("mode") == "bulk":
        assert {kind for kind, _ in found} <= {"Job", "NetworkPolicy"}
    else:
        check_service(found, values)


def test_the_documents_name_every_kind(chart):
    kinds = {kind for values in EXAMPLES for kind, _ in objects(chart, values)}
    assert kinds == {
        "ConfigMap", "Deployment", "HorizontalPodAutoscaler", "Job", "NetworkPolicy",
        "PodDisruptionBudget", "PrometheusRule", "ScaledObject", "Service", "ServiceMonitor",
    }  # fmt: skip


def test_the_schemas_find_faults(chart):
    scaled_by_queue = {"autoscaling": {"metric": "queue"}, "serviceMonitor": {"enabled": True}}
    found = objects(chart, scaled_by_queue)
    for (kind, _), each in found.items():
        each["spec"]["unknown"] = 1
        with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError)):
            check_object(each)
        assert kind


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"userLexicon": {"writable": True}}, "needs userLexicon.volume"),
        ({"replicas": 1, "userLexicon": {"volume": {"emptyDir": {}}, "writable": True}},
         "needs apiKeys.secret"),
        ({"autoscaling": {"minReplicas": 20}}, "minReplicas is above"),
        ({"mode": "bulk"}, "needs bulk.volume"),
        ({"replcas": 3}, "'replcas' not allowed"),
        ({"settings": {"port": 9000}}, "invalid propertyName 'port'"),
        ({"autoscaling": {"metric": "memory"}}, "value must be one of"),
    ],
)  # fmt: skip
def test_values_that_cannot_work_are_refused_with_the_reason(chart, values, reason):
    with pytest.raises(helm.HelmError, match=reason):
        objects(chart, values)


def test_large_numbers_stay_whole(chart):
    values = {"settings": {"max_lexicon": 1 << 28, "max_wait": 0.5, "page": False}}
    deployment = objects(chart, values)["Deployment", "words-tanger"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["TANGER_MAX_LEXICON"] == "268435456"
    assert environment["TANGER_MAX_WAIT"] == "0.5"
    assert environment["TANGER_PAGE"] == "false"


def test_a_pod_of_the_job_answers_its_shard(chart, tmp_path, tiny_artifact):
    """Its command, run as the kubelet would run it, with the volume in another place."""
    values = {"mode": "bulk", "bulk": {"shards": 3, "volume": {"emptyDir": {}}}}
    job = objects(chart, values)["Job", "words-tanger-bulk"]
    assert job["spec"]["parallelism"] == job["spec"]["completions"] == 3
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (tmp_path / "words.txt").write_text("bad\nbed\n42\ntanger\n")  # 42 has no pronunciation
    output = next(each["value"] for each in container["env"] if each["name"] == "OUTPUT")
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    (bin_folder / "tanger").write_text(f'#!/bin/sh\nexec {sys.executable} -m tanger "$@"\n')
    (bin_folder / "tanger").chmod(0o755)

    def pod(index, *more):
        variables = {"JOB_COMPLETION_INDEX": str(index)}
        variables["OUTPUT"] = output.replace("$(JOB_COMPLETION_INDEX)", str(index))
        words = [*container["command"], *container["args"], *more]
        for name, value in variables.items():
            words = [word.replace(f"$({name})", value) for word in words]
        words = [word.replace("/data/", f"{tmp_path}/") for word in words]
        path = f"{bin_folder}:{os.environ['PATH']}"
        environment = {**os.environ, **variables, "PATH": path, "PYTHONPATH": str(ROOT)}
        environment["OUTPUT"] = variables["OUTPUT"].replace("/data/", f"{tmp_path}/")
        return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode

    assert [pod(index, f"--artifact={tiny_artifact}") for index in range(3)] == [0, 0, 0]
    answers = [(tmp_path / f"answers-{index}.dict").read_text() for index in range(3)]
    assert "".join(answers).splitlines()[:2] == ["bad  B AE D", "bed  B EH D"]
    assert pod(0, "--artifact=/nowhere") == 2, "the exit status that fails the Job"
