"""Teachers, what they say, and the student that learns from it."""

import dataclasses

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact as artifact_folder
from tanger.model import lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.distillation import soft_labelling
from tanger.model.network.ensemble import Ensemble
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.training import data, soft_labels
from tanger.model.training.batches import collate
from tanger.model.training.data import DatasetError
from tanger.model.training.loss import seq2seq_loss
from tanger.model.training.recipe import LossRecipe
from tanger.model.training.soft_labels import SoftLabelsError, SoftLexicon
from tests.support.lexicons import little_words
from tests.support.networks import CONFIGS
from tests.support.training import SilentReporter, train


def ensemble(*artifacts):
    return TorchDecoder.of([artifact_folder.read(artifact) for artifact in artifacts], "cpu")


def pronounce(decoder, words):
    return NetworkPhonemizer(decoder, decoder.graphemes, decoder.phonemes).pronounce(words)


def tanger(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def second_artifact(tmp_path_factory, tiny_recipe, little_lexicon):
    """A teacher of another shape and seed, trained for less long."""
    folder = tmp_path_factory.mktemp("second")
    recipe = dataclasses.replace(
        tiny_recipe,
        seed=4,
        network=dataclasses.replace(tiny_recipe.network, hidden=40),
        run=dataclasses.replace(tiny_recipe.run, epochs=4),
    )
    train(
        recipe, lexicon_path=little_lexicon["train"], dev_path=little_lexicon["dev"],
        out=folder / "second", run=folder / "run", reporter=SilentReporter(),
    )  # fmt: skip
    return folder / "second"


@pytest.fixture(scope="session")
def teachers(tiny_artifact, second_artifact):
    return ensemble(tiny_artifact, second_artifact)


def test_an_ensemble_is_the_mean_of_its_networks(teachers, tiny_artifact, second_artifact):
    each = [ensemble(path) for path in (tiny_artifact, second_artifact)]
    words = ["TANGER", "BAD", "E"]
    entries = [lexicon.Entry(w, a.phonemes) for w, a in zip(words, pronounce(teachers, words),
                                                          strict=True)]  # fmt: skip
    minibatch = collate(
        data.encode_entries(entries, teachers.graphemes, teachers.phonemes, add_bos_eos=False)
    )
    read = minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels
    mean = sum(one.network(*read).phonemes.softmax(dim=2) for one in each) / 2
    torch.testing.assert_close(teachers.network(*read).phonemes.exp(), mean)
    mean[:, :, teachers.phonemes.start] = 0  # never emitted
    mean /= mean.sum(dim=2, keepdim=True)
    for row, answer in enumerate(pronounce(teachers, words)):
        steps = mean[row, : len(answer.step_probabilities)].max(dim=1).values
        assert answer.step_probabilities == pytest.approx(steps.tolist(), abs=1e-5)


def test_an_ensemble_of_one_is_that_one(tiny_artifact):
    words = [entry.word for entry in little_words(50, seed=77)]
    one = ensemble(tiny_artifact)
    alone = TorchDecoder(Ensemble([one.network]), one.graphemes, one.phonemes)
    assert [a.phonemes for a in pronounce(one, words)] == [
        a.phonemes for a in pronounce(alone, words)
    ]


def test_networks_of_other_symbols_are_no_ensemble(tiny_artifact, shipped_artifact):
    with pytest.raises(ArtifactError, match="other symbols"):
        ensemble(tiny_artifact, shipped_artifact)


def test_labels_are_what_the_teachers_expect(teachers, little_lexicon):
    entries = lexicon.read(little_lexicon["train"])[:300]
    words = [entry.word for entry in little_words(40, seed=5)]
    examples = list(soft_labelling.label(teachers, entries, words))
    assert len(examples) == 340
    spelt = {"".join(teachers.graphemes.decode(e.graphemes)): e for e in examples}
    for entry in entries[::50]:
        example = spelt[entry.word]
        assert teachers.phonemes.decode(example.labels[1:-1]) == entry.phonemes
    same = 0
    for word, answer in zip(words, pronounce(teachers, words), strict=True):
        example = spelt[word]
        np.testing.assert_allclose(example.soft.probabilities.sum(axis=1), 1, atol=2e-3)
        # In bfloat16 the teachers may answer otherwise where two symbols are about as likely
        if teachers.phonemes.decode(example.labels[1:-1]) == answer.phonemes:
            same += 1
            for label, symbols, probabilities in zip(
                example.labels[1:], *example.soft, strict=True
            ):
                assert probabilities[list(symbols).index(label)] > probabilities[0] - 0.05
            ours = example.soft.probabilities[:, 0]
            np.testing.assert_allclose(ours, answer.step_probabilities, atol=0.05)
    assert same >= 36


def test_entries_may_be_certain(tiny_artifact, little_lexicon, tmp_path):
    entries = lexicon.read(little_lexicon["train"])[:20]
    lexicon.write(tmp_path / "few.dict", [*entries, *entries[:5]], "cmudict")
    (tmp_path / "words.txt").write_text("TANGER\n")
    done = tanger(
        "label", "--teacher", tiny_artifact, "--lexicon", tmp_path / "few.dict", "--as-they-are",
        "--words", tmp_path / "words.txt", "--device", "cpu", "--out", tmp_path / "soft",
    )  # fmt: skip
    assert done.exit_code == 0, done.stderr
    examples = soft_labels.read(tmp_path / "soft").examples
    assert len(examples) == 25 + ("TANGER" not in {entry.word for entry in entries})
    for example in examples[:25]:  # those that come several times come so here, too
        np.testing.assert_array_equal(example.soft.symbols[:, 0], example.labels[1:])
        np.testing.assert_array_equal(example.soft.probabilities[:, 0], 1)
        assert not example.soft.probabilities[:, 1:].any()


def test_a_words_labels_survive_the_file(teachers, tmp_path):
    examples = list(soft_labelling.label(teachers, little_words(30, seed=6), ["BAD", "TANGER"]))
    written = SoftLexicon(
        teachers.graphemes, teachers.phonemes, False, {"teachers": ["x"]}, examples
    )
    soft_labels.write(tmp_path / "soft", written)
    read = soft_labels.read(tmp_path / "soft")
    assert dataclasses.replace(read, examples=[]) == dataclasses.replace(written, examples=[])
    for one, other in zip(read.examples, examples, strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_array_equal(one.soft.symbols, other.soft.symbols)
        np.testing.assert_array_equal(one.soft.probabilities, other.soft.probabilities)


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_a_damaged_file_is_named(tmp_path, teachers, content):
    path = tmp_path / "soft"
    if content is None:  # cut short
        examples = list(soft_labelling.label(teachers, little_words(5, seed=6), []))
        soft_labels.write(
            path, SoftLexicon(teachers.graphemes, teachers.phonemes, False, {}, examples)
        )
        content = path.read_bytes()[:-9]
    path.write_bytes(content)
    with pytest.raises(SoftLabelsError, match="make it again"):
        soft_labels.read(path)


def test_the_soft_loss_is_a_cross_entropy():
    torch.manual_seed(2)
    network = Seq2Seq(CONFIGS["strong"]).double().eval()
    examples = [
        soft_labels.Example([3, 4, 5], [3, 4, 6, 1], soft_labels.SoftLabels(
            np.array([[4, 5], [6, 4], [1, 6]]), np.array([[0.75, 0.25], [0.5, 0.5], [1, 0]]))),
        soft_labels.Example([7], [3, 9, 1], soft_labels.SoftLabels(
            np.array([[9, 2], [1, 2]]), np.array([[1.0, 0], [0.875, 0.125]]))),
    ]  # fmt: skip
    minibatch = collate(examples)
    scores = network(minibatch.graphemes, minibatch.grapheme_lengths, minibatch.labels)
    logp = scores.phonemes.log_softmax(dim=2)
    soft = hard = 0.0
    for row, example in enumerate(examples):
        for step, (symbols, shares) in enumerate(zip(*example.soft, strict=True)):
            soft -= sum(p * logp[row, step, s] for s, p in zip(symbols, shares, strict=True))
            hard -= logp[row, step, example.labels[step + 1]]
    for share in (0.0, 0.7, 1.0):
        loss, _ = seq2seq_loss(network, minibatch, LossRecipe(soft_labels=share))
        torch.testing.assert_close(loss, (1 - share) * hard + share * soft)


@pytest.mark.slow
def test_a_student_learns_from_teachers_alone(
    teachers, tiny_artifact, second_artifact, little_lexicon, tiny_recipe_file, tmp_path
):
    """From 100 lines and many spellings: the commands, one after the other."""
    train = lexicon.read(little_lexicon["train"])
    lexicon.write(tmp_path / "few.dict", train[:100], "cmudict")
    (tmp_path / "words.txt").write_text("".join(f"{entry.word}\n" for entry in train[100:]))
    done = tanger("label", "--teacher", tiny_artifact, "--teacher", second_artifact,
                  "--lexicon", tmp_path / "few.dict", "--words", tmp_path / "words.txt",
                  "--out", tmp_path / "soft", "--device", "cpu")  # fmt: skip
    assert done.exit_code == 0, done.stderr
    assert "100 entries and 1,400 spellings labelled" in done.stdout
    recipe = tmp_path / "student.toml"
    recipe.write_text(tiny_recipe_file.read_text().replace("[loss]", "[loss]\nsoft_labels = 0.9"))
    trained = tanger(
        "train", "--recipe", recipe, "--lexicon", tmp_path / "few.dict", "--dev",
        little_lexicon["dev"], "--soft-labels", tmp_path / "soft", "--out", tmp_path / "student",
        "--run", tmp_path / "run", "--device", "cpu",
    )  # fmt: skip
    assert trained.exit_code == 0, trained.stderr
    student = artifact_folder.read(tmp_path / "student")
    made = student.training["data"]["soft_labels"]
    assert [t["version"] for t in made["teachers"]] == [
        artifact_folder.read(path).version for path in (tiny_artifact, second_artifact)
    ]
    assert made["entries"] == 1500
    words = [entry.word for entry in lexicon.read(little_lexicon["test"])]
    ours = NetworkPhonemizer.load(tmp_path / "student", "cpu").pronounce(words)
    theirs = pronounce(teachers, words)
    agreed = sum(a.phonemes == b.phonemes for a, b in zip(ours, theirs, strict=True))
    assert agreed >= 90


def test_soft_labels_that_do_not_fit_are_refused(
    teachers, little_lexicon, tiny_recipe, tmp_path, shipped_artifact
):
    def soft(entries, by):
        soft_labels.write(
            tmp_path / "soft",
            SoftLexicon(by.graphemes, by.phonemes, False, {},
                        list(soft_labelling.label(by, entries, []))),
        )  # fmt: skip
        data.read(tiny_recipe, little_lexicon["train"], little_lexicon["dev"],
                     soft_path=tmp_path / "soft")  # fmt: skip

    train = lexicon.read(little_lexicon["train"])[:20]
    soft(train, teachers)
    with pytest.raises(DatasetError, match="holds 2 words of "):
        soft([*train, *lexicon.read(little_lexicon["dev"])[:2]], teachers)
    with pytest.raises(DatasetError, match="other symbols: label again"):
        soft(train, ensemble(shipped_artifact))


def test_an_ensemble_is_evaluated_and_keeps_nothing(tiny_artifact, second_artifact, little_lexicon):
    before = (tiny_artifact / "manifest.json").read_bytes()
    done = tanger("evaluate", "--artifact", tiny_artifact, "--artifact", second_artifact,
                  "--lexicon", little_lexicon["test"], "--device", "cpu")  # fmt: skip
    assert done.exit_code == 0
    assert f"{tiny_artifact} + {second_artifact} on" in done.stdout
    assert (tiny_artifact / "manifest.json").read_bytes() == before
