"""``python tools/chart_values.py``: write the table of the chart's values into docs/kubernetes.md.

The table is made from ``values.schema.json``. ``--check`` writes nothing, and fails where it would.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
SCHEMA = ROOT / "deploy/helm/tanger/values.schema.json"
DOCUMENT = ROOT / "docs/kubernetes.md"
BEGIN = "<!-- values: made by tools/chart_values.py -->"
END = "<!-- end of values -->"


class Value(NamedTuple):
    """A value of the chart: its path, its default, and what it means."""

    path: str
    default: Any
    description: str


def values(schema: dict[str, Any], path: str = "") -> Iterator[Value]:
    """Every value of a schema that has a default, in the schema's order."""
    for name, each in schema["properties"].items():
        if "default" in each:
            yield Value(path + name, each["default"], each["description"])
        elif "properties" in each:
            yield from values(each, f"{path}{name}.")


def table(schema: dict[str, Any]) -> str:
    """The values as a table in Markdown."""
    lines = ["| value | default | meaning |", "| --- | --- | --- |"]
    for value in values(schema):
        default = value.default if isinstance(value.default, str) else json.dumps(value.default)
        shown = f"`{default}`" if default else "(none)"
        lines.append(f"| `{value.path}` | {shown} | {value.description} |")
    return "\n".join(lines)


def main() -> int:
    """Write or compare the table; 1 where it is to be compared and differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where it differs")
    check = parser.parse_args().check
    text = DOCUMENT.read_text()
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{table(json.loads(SCHEMA.read_text()))}\n{END}{after}"
    if check and wanted != text:
        print(f"{DOCUMENT} is out of date: python tools/chart_values.py", file=sys.stderr)
        return 1
    if not check:
        DOCUMENT.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
