"""Networks and a joint n-gram model, judging together."""

import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact, lexicon
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.distillation import joint_ngram
from tanger.model.distillation import teachers as teaching
from tanger.model.distillation.joint_ngram import JointNgramError
from tanger.model.distillation.soft_labelling import expected_symbols
from tanger.model.training import soft_labels
from tanger.model.training.batches import Example, encode_entries
from tests.support.lexicons import little_words, sound_out


def test_candidates_come_in_order_likeliest_first(ngram):
    words = [entry.word for entry in little_words(50, seed=91)]
    found = {}
    for some in joint_ngram.candidates(ngram, words, n=3):
        found |= some
    assert list(found) == words
    right = 0
    for word, ways in found.items():
        assert 1 <= len(ways) <= 3
        scores = list(ways.values())
        assert scores == sorted(scores, reverse=True)
        assert all(score <= 0 for score in scores)
        right += next(iter(ways)) == sound_out(word)
    assert right >= 45


def test_a_word_that_it_cannot_spell_has_none(ngram):
    (found,) = joint_ngram.candidates(ngram, ["XYZ", "BAD"], n=2)
    assert found["XYZ"] == {}
    assert sound_out("BAD") in found["BAD"]


def test_what_is_no_model_is_spoken(tmp_path):
    pytest.importorskip("phonetisaurus", reason="phonetisaurus is not installed: make dev")
    with pytest.raises(JointNgramError, match="phonetisaurus-g2pfst"):
        list(joint_ngram.candidates(tmp_path / "none.fst", ["BAD"], n=1))


def test_expectations_follow_the_likeliest_candidate():
    spoken = [Example([3], [0, 5, 6, 1]), Example([3], [0, 5, 7, 1]), Example([3], [0, 8, 1])]
    expected = expected_symbols(spoken, np.array([0.5, 0.3, 0.2]))
    assert expected.labels == [0, 5, 6, 1]
    first, second, last = (
        dict(zip(symbols.tolist(), shares.tolist(), strict=True))
        for symbols, shares in zip(*expected.soft, strict=True)
    )
    assert first[5] == pytest.approx(0.8, abs=1e-3)
    assert first[8] == pytest.approx(0.2, abs=1e-3)
    assert second[6] == pytest.approx(0.5 / 0.8, abs=1e-3)
    assert second[7] == pytest.approx(0.3 / 0.8, abs=1e-3)
    assert last[1] == 1


def test_a_word_is_read_once_for_all_its_candidates(tiny_artifact):
    """The same scores as when each candidate's word is read anew."""
    teachers = TorchDecoder.of([artifact.read(tiny_artifact)] * 2, "cpu")
    entries = little_words(20, seed=94)
    candidates = [
        lexicon.Entry(entry.word, spoken)
        for entry in entries
        for spoken in (entry.phonemes, entry.phonemes[:-1], (*entry.phonemes, "T"))
    ]
    examples = encode_entries(candidates, teachers.graphemes, teachers.phonemes, add_bos_eos=False)
    together = teaching._scores(teachers, examples)
    alone = [teaching._scores(teachers, [example])[0] for example in examples]
    np.testing.assert_allclose(together, alone, atol=0.2)  # bfloat16
    assert (together < 0).all()


def test_both_have_a_say(ngram, tiny_artifact):
    """The panel's shares are those of its two scores, and what neither lists has none."""
    teachers = TorchDecoder.of([artifact.read(tiny_artifact)], "cpu")
    words = [entry.word for entry in little_words(40, seed=92)]
    labelled = {
        "".join(teachers.graphemes.decode(example.graphemes)): example
        for example in teaching.label(teachers, ngram, words)
    }
    assert set(labelled) == set(words)
    (listed,) = joint_ngram.candidates(ngram, words, n=teaching.CANDIDATES)
    for word, example in labelled.items():
        spoken = teachers.phonemes.decode(example.labels[1:-1])
        answer = teachers.decode([teachers.graphemes.encode(word)])[0].symbols
        assert spoken in listed[word] or spoken == teachers.phonemes.decode(answer)
        np.testing.assert_allclose(example.soft.probabilities.sum(axis=1), 1, atol=2e-3)
        assert all(
            label in symbols
            for label, symbols in zip(example.labels[1:], example.soft.symbols, strict=True)
        )
    right = sum(
        teachers.phonemes.decode(labelled[word].labels[1:-1]) == sound_out(word) for word in words
    )
    assert right >= 38


def test_a_sharper_panel_is_surer(tiny_artifact, monkeypatch):
    teachers = TorchDecoder.of([artifact.read(tiny_artifact)], "cpu")
    listed = {"BAD": {("B", "AE", "D"): -0.5, ("B", "AE", "T"): -0.6}}
    monkeypatch.setattr(joint_ngram, "candidates", lambda *_, **__: iter([listed]))

    def of_the_last_sound(**options):
        (example,) = teaching.label(teachers, Path("none"), ["BAD"], **options)
        return example.labels, float(example.soft.probabilities[2, 0])

    labels, sure = of_the_last_sound()
    assert of_the_last_sound(sharpness=0.01)[1] < sure
    assert of_the_last_sound(sharpness=0.01)[1] == pytest.approx(0.5, abs=0.1)
    listed["BAD"]["B", "AE", "T"] = 50.0
    other, _ = of_the_last_sound(weight=1.0)
    assert other != labels
    assert of_the_last_sound(weight=0.0)[0] == labels


def test_the_commands_make_soft_labels(ngram, tiny_artifact, little_lexicon, tmp_path):
    entries = lexicon.read(little_lexicon["train"])[:50]
    lexicon.write(tmp_path / "few.dict", entries, "cmudict")
    words = [entry.word for entry in little_words(30, seed=93)]
    (tmp_path / "words.txt").write_text("\n".join(words))
    done = CliRunner().invoke(
        app,
        ["label", "--teacher", str(tiny_artifact), "--lexicon", str(tmp_path / "few.dict"),
         "--words", str(tmp_path / "words.txt"), "--ngram", str(ngram), "--device", "cpu",
         "--out", str(tmp_path / "soft")],
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    made = soft_labels.read(tmp_path / "soft")
    assert len(made.examples) == 50 + len(set(words) - {entry.word for entry in entries})
    assert len(made.origin["joint_ngram"][0]["sha256"]) == 64
    assert math.isclose(made.examples[-1].soft.probabilities[0].sum(), 1, abs_tol=2e-3)


def test_the_command_trains_a_joint_ngram_model(little_lexicon, tmp_path):
    pytest.importorskip("phonetisaurus", reason="phonetisaurus is not installed: make dev")
    model = tmp_path / "m.fst"
    done = CliRunner().invoke(
        app, ["joint-ngram", "--lexicon", str(little_lexicon["train"]), "--out", str(model)]
    )
    assert done.exit_code == 0, done.stderr
    assert "1,500 entries" in done.stdout
    (found,) = joint_ngram.candidates(model, ["BAD"], n=1)
    assert found == {"BAD": {sound_out("BAD"): pytest.approx(found["BAD"][sound_out("BAD")])}}
