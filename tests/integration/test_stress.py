import dataclasses

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact, lexicon
from tanger.model.evaluation import report
from tanger.model.evaluation.report import EvaluationError
from tanger.model.lexicon import Entry
from tanger.model.lexicon.index import StressedLexicon
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import stress
from tanger.model.phonology.stress import one_primary
from tanger.model.training import data as datasets
from tanger.model.training.batches import UNKNOWN_STRESS, collate
from tanger.model.training.data import DatasetError
from tests.support.lexicons import little_words
from tests.support.live_service import running
from tests.support.training import SilentReporter, train

VOWELS = {"AE", "EH", "ER"}


def tanger(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def stressed(phonemes):
    """The little language stresses its last vowel, and half of it the first."""
    vowels = [index for index, phoneme in enumerate(phonemes) if phoneme in VOWELS]
    digits = dict.fromkeys(vowels, 0)
    if vowels:
        digits[vowels[0]] = 2
        digits[vowels[-1]] = 1
    return tuple(f"{p}{digits[i]}" if i in digits else p for i, p in enumerate(phonemes))


@pytest.fixture(scope="session")
def stressed_lexicon(tmp_path_factory):
    path = tmp_path_factory.mktemp("stressed") / "all.dict"
    words = [*little_words(1700, seed=1), *little_words(20, seed=9)]
    lexicon.write(path, [Entry(e.word, stressed(e.phonemes)) for e in words], "cmudict")
    return path


@pytest.fixture(scope="session")
def stressing(tiny_recipe):
    return dataclasses.replace(
        tiny_recipe,
        network=dataclasses.replace(tiny_recipe.network, stress=True),
        loss=dataclasses.replace(tiny_recipe.loss, stress=0.3),
    )


@pytest.fixture(scope="session")
def stress_artifact(tmp_path_factory, stressing, little_lexicon, stressed_lexicon):
    folder = tmp_path_factory.mktemp("stress")
    train(
        stressing, lexicon_path=little_lexicon["train"], dev_path=little_lexicon["dev"],
        out=folder / "stress", run=folder / "run", reporter=SilentReporter(),
        stress=stressed_lexicon,
    )  # fmt: skip
    return folder / "stress"


def test_symbols_split_and_join():
    assert [stress.split(s) for s in ("AE1", "T", "1", "")] == [
        ("AE", 1), ("T", None), ("1", None), ("", None)]  # fmt: skip
    assert stress.mark(("T", "AE", "ER"), (None, 1, 0)) == ("T", "AE1", "ER0")
    assert stress.strip(("T", "AE1", "ER0")) == ("T", "AE", "ER")


def test_the_first_entry_that_sounds_alike_tells():
    known = StressedLexicon([
        Entry("REBEL", ("R", "EH1", "B")), Entry("REBEL", ("R", "IH0", "B", "EH1", "L")),
        Entry("REBEL", ("R", "EH0", "B")),
    ])  # fmt: skip
    assert known.restore(Entry("REBEL", ("R", "EH", "B"))) == ("R", "EH1", "B")
    assert known.classes(Entry("REBEL", ("R", "IH", "B", "EH", "L"))) == [0, 1, 0, 2, 0]
    assert known.classes(Entry("REBEL", ("R",))) is None


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 6))
def test_exactly_one_primary_and_otherwise_the_likeliest(seed, rows, steps):
    draw = np.random.default_rng(seed)
    scores = draw.normal(size=(rows, steps, 4))
    counts = draw.integers(0, steps + 1, rows)
    for row, count in enumerate(counts.tolist()):
        classes = one_primary(scores, counts)[row].tolist()
        assert not any(classes[count:])
        best = scores[row, :count].argmax(axis=1).tolist()
        assert [c == 0 for c in classes[:count]] == [b == 0 for b in best]
        assert classes.count(2) == (1 if any(best) else 0)
        if best.count(2) == 1:
            assert classes[:count] == best


def test_examples_carry_stress(stressing, little_lexicon, stressed_lexicon):
    lines = lexicon.read(little_lexicon["train"])
    data = datasets.read(
        stressing, little_lexicon["train"], little_lexicon["dev"], stress_path=stressed_lexicon
    )
    entry, example = lines[0], data.examples[0]
    digits = [stress.split(p)[1] for p in stressed(entry.phonemes)]
    assert example.stress == [*(0 if d is None else d + 1 for d in digits), 0]
    unknown = example._replace(stress=None, labels=example.labels[:2] + example.labels[-1:])
    padded = collate([example, unknown]).stress
    assert padded[0].tolist() == example.stress
    assert padded[1].tolist() == [UNKNOWN_STRESS] * len(example.stress)
    assert data.checksums["stress"]["entries"] == len(data.examples)


def test_stress_is_learnt_and_scored(stress_artifact, little_lexicon, stressed_lexicon):
    found = report.evaluate(
        NetworkPhonemizer.load(stress_artifact, "cpu"), little_lexicon["test"],
        stress_path=stressed_lexicon,
    )  # fmt: skip
    assert found.any_match.wer < 0.1
    assert found.any_match.wer <= found.stress.wer < 0.2
    assert found.stress.words == 100
    with_vowel = sum(any(p in VOWELS for p in e.phonemes)
                     for e in lexicon.read(little_lexicon["test"]))  # fmt: skip
    assert found.stress.references_one_primary == with_vowel / 100
    assert found.stress.one_primary == pytest.approx(with_vowel / 100, abs=0.03)


def test_the_command_line_writes_and_scores_it(
    stress_artifact, tiny_artifact, little_lexicon, stressed_lexicon, tmp_path
):
    requested = ["pronounce", "TANGER", "--source", "model", "--device", "cpu", "--artifact"]
    assert tanger(*requested, stress_artifact, "--stress").stdout == "TANGER  T AE2 NG ER1\n"
    assert tanger(*requested, stress_artifact).stdout == "TANGER  T AE NG ER\n"
    refused = tanger(*requested, tiny_artifact, "--stress")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "not trained for stress" in refused.stderr
    refused = tanger(*requested, stress_artifact, "--stress", "--alphabet", "cntk")
    assert "writes no stress: ask for arpabet" in refused.stderr

    scored = tanger("evaluate", "--artifact", stress_artifact, "--lexicon", little_lexicon["test"],
                    "--stress", stressed_lexicon, "--device", "cpu", "--keep")  # fmt: skip
    kept = artifact.read(stress_artifact).metrics()["test.dict"]["stress"]
    assert f"with stress WER {100 * kept['wer']:.2f} %" in scored.stdout
    assert "## With stress" in (stress_artifact / "README.md").read_text()


def test_a_network_without_stress_can_learn_it(
    stressing, tiny_artifact, little_lexicon, stressed_lexicon, tmp_path
):
    train(
        dataclasses.replace(stressing, run=dataclasses.replace(stressing.run, epochs=1)),
        lexicon_path=little_lexicon["train"], dev_path=little_lexicon["dev"], init=tiny_artifact,
        out=tmp_path / "out", run=tmp_path / "run", reporter=SilentReporter(),
        stress=stressed_lexicon,
    )  # fmt: skip
    (answer,) = NetworkPhonemizer.load(tmp_path / "out", "cpu").pronounce(["TANGER"])
    assert stress.mark(answer.phonemes, answer.stress) == ("T", "AE2", "NG", "ER1")


def test_what_has_no_stress_is_spoken(
    stressing, tiny_artifact, little_lexicon, stressed_lexicon, tmp_path
):
    train, dev = little_lexicon["train"], little_lexicon["dev"]
    with pytest.raises(DatasetError, match="say --stress LEXICON"):
        datasets.read(stressing, train, dev)
    lexicon.write(tmp_path / "other.dict", [Entry("X", ("K", "S"))], "cmudict")
    with pytest.raises(DatasetError, match="none of the training lexicon's pronunciations"):
        datasets.read(stressing, train, dev, stress_path=tmp_path / "other.dict")
    phonemizer = NetworkPhonemizer.load(tiny_artifact, "cpu")
    with pytest.raises(EvaluationError, match="not trained for stress"):
        report.evaluate(phonemizer, train, stress_path=stressed_lexicon)
    with pytest.raises(EvaluationError, match="none of the pronunciations"):
        report.evaluate(phonemizer, train, stress_path=tmp_path / "other.dict")


def test_the_service_writes_it_when_requested(stress_artifact, tmp_path):
    with (
        running(tmp_path / "log", artifact=stress_artifact, workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60) as client,
    ):
        service.wait_until_ready(1)
        plain = "T AE NG ER"
        requested = ({"stress": True}, "T AE2 NG ER1"), ({"stress": False}, plain), ({}, plain)
        for options, text in requested:
            answer = client.post("/pronounce", json={"words": ["tanger"], **options}).json()
            assert answer["results"][0]["pronunciations"][0]["text"] == text
        one = client.get("/pronounce/tanger?stress=true").json()
        assert one["results"][0]["pronunciations"][0]["phonemes"] == ["T", "AE2", "NG", "ER1"]
        requested = {"words": ["tanger"], "stress": True, "alphabet": "cntk"}
        refused = client.post("/pronounce", json=requested)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert "ask for arpabet" in refused.json()["detail"]


def test_a_service_without_stress_refuses(tiny_artifact, tmp_path):
    with (
        running(tmp_path / "log", artifact=tiny_artifact, workers=1) as service,
        httpx.Client(base_url=service.url, timeout=60) as client,
    ):
        service.wait_until_ready(1)
        refused = client.get("/pronounce/tanger?stress=true")
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_request")
        assert "not trained for stress" in refused.json()["detail"]
