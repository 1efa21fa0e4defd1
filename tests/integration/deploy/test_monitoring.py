"""Alerts and dashboard: every metric they name exists, and every alert is fired and explained."""

import json
import re
import shutil
import subprocess

import httpx
import pytest
import yaml

from tests.support import ROOT
from tests.support.live_service import running

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
DASHBOARD = ROOT / "deploy/grafana/dashboard.json"
OPERATIONS = (ROOT / "docs/operations.md").read_text()
NAME = re.compile(r"\btanger_\w+")


@pytest.fixture(scope="module")
def exposed(tiny_artifact, tmp_path_factory):
    """Names and label names of the series that a real service has."""
    log = tmp_path_factory.mktemp("monitoring") / "log"
    with running(log, artifact=tiny_artifact) as service:
        service.wait_until_ready()
        httpx.get(f"{service.url}/pronounce/bad").raise_for_status()
        text = httpx.get(f"{service.url}/metrics").text
    labels: dict[str, set[str]] = {}
    for name, inner in re.findall(r"^(tanger_\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', inner))
    return labels


def alerts():
    return [
        rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]
    ]


def expressions():
    found = [rule["expr"] for rule in alerts()]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        found += [target["expr"] for target in panel["targets"]]
    return found


def test_every_metric_that_is_named_exists(exposed):
    named = {name for expression in expressions() for name in NAME.findall(expression)}
    assert len(named) >= 25
    assert named - set(exposed) == set()
    given = {"namespace", "job", "instance", "le"}  # by Prometheus, or by its kind
    for expression in expressions():
        known = given.union(*(exposed[name] for name in NAME.findall(expression)))
        used = set(re.findall(r"(\w+)=[~\"]", expression))
        for listed in re.findall(r"\bby \(([^)]*)\)", expression):
            used.update(re.split(r",\s*", listed))
        assert used <= known, expression


def test_no_gauge_or_counter_is_left_out_of_the_dashboard(exposed):
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", name)
        for expression in expressions()
        for name in NAME.findall(expression)
    }
    assert {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed} - shown == {
        "tanger_api_keys", "tanger_queue_words",
    }  # fmt: skip


def test_the_rules_are_right_and_each_fires():
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: apt-get install prometheus")
    for arguments in (["check", "rules", ALERTS.name], ["test", "rules", "alerts.test.yaml"]):
        done = subprocess.run(
            [promtool, *arguments], cwd=ALERTS.parent, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    tested = (ALERTS.parent / "alerts.test.yaml").read_text()
    assert {rule["alert"] for rule in alerts()} == set(re.findall(r'alertname="(\w+)"\}', tested))


def test_the_documents_say_what_to_do_about_each():
    rows = re.findall(r"^\| `(Tanger\w+)` \|", OPERATIONS, re.MULTILINE)
    assert rows == [rule["alert"] for rule in alerts()]
