"""Values of the Helm chart: schema, defaults and the documents' table are the same."""

import json

import yaml

from tests.support import ROOT
from tools import chart_values

SCHEMA = json.loads(chart_values.SCHEMA.read_text())


def test_defaults_of_the_schema_are_those_of_the_values():
    defaults = yaml.safe_load((ROOT / "deploy/helm/tanger/values.yaml").read_text())
    assert set(defaults) <= set(SCHEMA["properties"])
    for value in chart_values.values(SCHEMA):
        found = defaults
        for name in value.path.split("."):
            found = found[name]
        assert found == value.default, value.path


def test_the_table_of_values_is_current():
    text = chart_values.DOCUMENT.read_text()
    wanted = f"{chart_values.BEGIN}\n{chart_values.table(SCHEMA)}\n{chart_values.END}"
    assert wanted in text, "python tools/chart_values.py"
