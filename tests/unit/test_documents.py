"""Check the documents' links, and that their tables list everything that the code defines."""

import re
from typing import get_args
from urllib.parse import unquote

import pytest

from tanger.model.lexicon.entry import LexiconFormat
from tanger.model.training import recipe
from tanger.service import problems
from tanger.service.connections import requests as refusals
from tanger.service.schemas import Options, WordErrorCode
from tanger.service.settings import Settings
from tests.support import ROOT

DOCUMENTS = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("*/README.md")]
)
SERVICE = (ROOT / "docs" / "service.md").read_text()


def without_examples(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text):
    """The anchors of a document's headings, as GitHub generates them."""
    text = without_examples(text)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    text = path.read_text()
    links = re.sub(r"(?<=[\s(])`[^`]*\]\([^`]*`", "", without_examples(text))  # no links in code
    for target in re.findall(r"\]\(([^)\s]+)\)", links):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = unquote(target).partition("#")
        linked = (path.parent / name).resolve() if name else path
        assert linked.exists(), target
        if anchor:
            assert anchor in anchors(linked.read_text()), target


def test_paths_of_the_architecture_exist():
    text = (ROOT / "docs" / "architecture.md").read_text()
    named = set(re.findall(r"`((?:model|service|tests|tanger)/[\w/.-]+)`", text))
    assert len(named) > 20
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().split()) <= 1200


def test_every_setting_is_documented_with_its_default():
    rows = re.findall(r"^\| `(TANGER_\w+)` \| (.*?) \|", SERVICE, re.MULTILINE)
    shown = {name: default.strip("`").replace(",", "") for name, default in rows}
    assert len(shown) == len(rows)
    wanted = {}
    for name, field in Settings.model_fields.items():
        value = field.default
        if name == "artifact":
            value = value.relative_to(value.parent.parent)
        elif isinstance(value, bool):
            value = str(value).lower()
        elif isinstance(value, float):
            value = f"{value:g}"
        empty = name == "api_keys" or value in ("", None)
        wanted[f"TANGER_{name.upper()}"] = "(none)" if empty else str(value).replace(",", "")
    assert shown == wanted


def test_every_problem_and_option_is_documented():
    refused = (value for value in vars(refusals).values() if isinstance(value, refusals.Refusal))
    codes = {kind.code for kind in problems.TABLE.values()} | {each.code for each in refused}
    codes |= {"internal", "too_many_connections", *get_args(WordErrorCode.__value__)}
    assert [code for code in sorted(codes) if f"`{code}`" not in SERVICE] == []
    assert [name for name in Options.model_fields if f"| `{name}` |" not in SERVICE] == []


def test_every_format_and_recipe_is_documented():
    lexicons = (ROOT / "docs" / "lexicons.md").read_text()
    assert [name for name in get_args(LexiconFormat) if f"| `{name}` |" not in lexicons] == []
    training = (ROOT / "docs" / "training.md").read_text()
    steps = ("-base", "-panel", "-large")  # intermediate recipes, from which others start
    shown = [name for name in recipe.names() if not name.endswith(steps)]
    assert [name for name in shown if f"[`{name}`]" not in training] == []


def test_commits_are_checked_by_what_make_lint_runs():
    makefile = (ROOT / "Makefile").read_text()
    recipe_lines = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.MULTILINE)[1]
    commands = recipe_lines.replace("\t$(BIN)/", ".venv/bin/").splitlines()
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"^ +entry: (.*)$", hooks, re.MULTILINE) == commands
