"""The whole way, as a user goes it: train, evaluate, serve, ask."""

import subprocess
import sys

import httpx

from tests.support import ROOT
from tests.support.live_service import running
from tests.support.recipes import TINY_RECIPE


def tanger(*arguments):
    command = [sys.executable, "-m", "tanger", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_from_a_lexicon_to_an_answer(little_lexicon, tmp_path):
    artifact, recipe = tmp_path / "mine", tmp_path / "short.toml"
    recipe.write_text(TINY_RECIPE.replace("epochs = 8", "epochs = 1"))
    tanger("train", "--recipe", recipe, "--lexicon", little_lexicon["train"], "--dev",
           little_lexicon["dev"], "--out", artifact, "--run", tmp_path / "run", "--threads", 1,
           "--device", "cpu")  # fmt: skip
    printed = tanger("evaluate", "--artifact", artifact, "--lexicon", little_lexicon["test"],
                     "--keep")  # fmt: skip
    spoken = tanger("pronounce", "tanger", "--artifact", artifact, "--source", "model")
    with running(tmp_path / "log", artifact=artifact) as service:
        service.wait_until_ready()
        answer = httpx.get(f"{service.url}/pronounce/tanger").json()
        info = httpx.get(f"{service.url}/info").json()
        assert service.stop() == 0
    (result,) = answer["results"]
    assert result["source"] == "model"
    assert spoken == f"tanger  {result['pronunciations'][0]['text']}\n"
    assert answer["model"]["name"] == "mine"
    measured = info["error_rates"]["test.dict"]["any_match"]["wer"]
    assert f"any-match  WER {100 * measured:.2f} %" in printed


def test_the_shipped_artifact_says_the_same_either_way(shipped_artifact, tmp_path):
    spoken = tanger("pronounce", "tanger", "Ångström", "o'brien", "--source", "model")
    with running(tmp_path / "log", artifact=shipped_artifact) as service:
        service.wait_until_ready()
        request = {"words": ["tanger", "Ångström", "o'brien"]}
        answer = httpx.post(f"{service.url}/pronounce", json=request).json()
    assert spoken == "".join(
        f"{result['word']}  {result['pronunciations'][0]['text']}\n" for result in answer["results"]
    )
    assert [result["source"] for result in answer["results"]] == ["model"] * 3
