import json
import shutil
from dataclasses import replace

import pytest

from tanger.model import artifact, lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.evaluation import report
from tanger.model.evaluation.report import EvaluationError
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import NetworkPhonemizer


@pytest.fixture
def copy(tiny_artifact, tmp_path):
    folder = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, folder)
    return folder


@pytest.fixture(scope="module")
def phonemizer(tiny_artifact):
    return NetworkPhonemizer.load(tiny_artifact, "cpu")


def test_figures_are_those_of_the_answers(phonemizer, tiny_artifact, little_lexicon):
    path = little_lexicon["test"]
    entries = lexicon.read(path)
    answers = phonemizer.pronounce([entry.word for entry in entries])
    wrong = sum(a.phonemes != e.phonemes for a, e in zip(answers, entries, strict=True))
    in_torch = TorchDecoder.of([artifact.read(tiny_artifact)], "cpu")
    found = report.evaluate(phonemizer, path, in_torch=in_torch)
    assert found.any_match.wrong == found.per_line.wrong == wrong
    assert found.any_match.words == len(entries)
    assert found.unspellable == 0
    assert found.words_per_second > 0
    assert (found.device, found.precision, found.threads) == ("cpu", "int8", 1)
    assert 0 <= found.teacher_forced_error <= found.any_match.wer
    several = found.nbest
    assert several.wer[1] >= several.wer[3] >= several.wer[5]
    assert several.wer[3] < found.any_match.wer == pytest.approx(several.wer[1], abs=0.011)
    assert several.first_is_greedy > 0.9
    lists = phonemizer.nbest([entry.word for entry in entries], 3)
    none = sum(all(a.phonemes != e.phonemes for a in answers)
               for answers, e in zip(lists, entries, strict=True))  # fmt: skip
    assert several.wer[3] == pytest.approx(none / len(entries), abs=0.011)
    assert sum(times for *_, times in found.confusions) <= found.any_match.edits


def test_words_that_cannot_be_spelt_are_wrong(phonemizer, tmp_path):
    path = tmp_path / "odd.dict"
    lexicon.write(path, [Entry("ZOO", ("T",)), Entry("TAT", ("T", "AE", "T"))], "cmudict")
    found = report.evaluate(phonemizer, path)
    assert found.unspellable == 1
    assert found.any_match.words == 2
    assert found.any_match.wrong >= 1


def test_nothing_to_score_is_reported(phonemizer, tmp_path):
    (tmp_path / "empty.dict").write_text("")
    with pytest.raises(EvaluationError, match=r"empty\.dict"):
        report.evaluate(phonemizer, tmp_path / "empty.dict")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (Entry("tat", ("T",)), "artifact's graphemes"),
        (Entry("TAT", ("QQ",)), "artifact's phonemes"),
        (Entry("TAT", ("AE1",)), r"marks stress \(AE1\)"),
    ],
)
def test_a_lexicon_of_another_kind_is_reported(phonemizer, tmp_path, entry, message):
    lexicon.write(tmp_path / "odd.dict", [entry], "cmudict")
    with pytest.raises(EvaluationError, match=message):
        report.evaluate(phonemizer, tmp_path / "odd.dict")


def test_figures_stay_with_the_weights_they_were_measured_on(phonemizer, copy, little_lexicon):
    found = report.evaluate(phonemizer, little_lexicon["test"])
    with pytest.raises(ArtifactError, match="replaced while it was evaluated"):
        report.keep(copy, replace(found, weights_sha256="0" * 64))
    (copy / "metrics.json").write_text('{"weights_sha256": "of others"}')
    report.keep(copy, found)
    assert set(artifact.read(copy).metrics()) == {"test.dict"}


def test_answers_once_pinned_are_not_given_up_for_fewer(phonemizer, copy, little_lexicon):
    found = report.evaluate(phonemizer, little_lexicon["test"])
    report.keep(copy, found)
    pinned = artifact.read(copy).pinned()
    assert len(pinned) > 1
    report.keep(copy, replace(found, lexicon="wrong.dict", pinned=dict([*pinned.items()][:1])))
    assert artifact.read(copy).pinned() == pinned


def test_figures_are_kept_beside_the_weights(phonemizer, copy, little_lexicon):
    for name in ("dev", "test"):
        report.keep(copy, report.evaluate(phonemizer, little_lexicon[name]))
    metrics = artifact.read(copy).metrics()
    assert set(metrics) == {"dev.dict", "test.dict"}
    raw = json.loads((copy / "metrics.json").read_text())
    assert raw["weights_sha256"] == artifact.read(copy).weights_sha256
    card = (copy / "README.md").read_text()
    assert f"{100 * metrics['test.dict']['any_match']['wer']:.2f}" in card
    assert "learning_curve.png" in card
    assert "| hidden | 48 |" in card
    assert f"{100 * (1 - metrics['test.dict']['alternatives']['wer']['3']):.2f} % (3)" in card
