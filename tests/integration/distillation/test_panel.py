"""A panel: candidates of words, their features, and weights fitted to known pronunciations."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact, lexicon
from tanger.model.distillation import panel
from tanger.model.distillation.candidates import Candidates, FeatureExtractor, Network
from tanger.model.distillation.panel import Panel, PanelError, PanelMismatchError
from tanger.model.training import soft_labels
from tests.support.lexicons import little_words, sound_out

_SHIPPED = Path("artifacts/en-us-cmudict")


@pytest.fixture(scope="module")
def extractor(tiny_artifact, ngram, little_lexicon):
    known = lexicon.pronunciations(lexicon.read(little_lexicon["train"]))
    return FeatureExtractor([Network(artifact.read(tiny_artifact))], ngram, known)


def column(extractor, each, name):
    return each.features[:, extractor.names.index(name)]


def test_candidates_and_what_is_known_of_them(extractor):
    words = [entry.word for entry in little_words(60, seed=95)]
    listed = list(extractor.candidates(words))
    assert [each.word for each in listed] == words
    network = extractor.networks[0]
    differences: list[float] = []
    for each in listed:
        assert len(set(each.pronunciations)) == len(each.pronunciations) >= 5
        assert each.features.shape == (len(each.pronunciations), len(extractor.names))
        # what the network proposed has the probability that it has by teacher forcing, or more
        # where the repetition rule forbids other phonemes
        scored = network.score([(each.word, spoken) for spoken in each.pronunciations])
        own = column(extractor, each, network.name)
        differences += (own - np.maximum(scored, -25)).tolist()
        # one network is its own mean
        np.testing.assert_allclose(column(extractor, each, "mean of the networks"), own)
        ngram_listed = column(extractor, each, "n-gram lists it") == 1
        scores = column(extractor, each, "n-gram")
        assert scores[~ngram_listed].max(initial=-99) < scores[ngram_listed].min()
        assert scores.argmax() == column(extractor, each, "n-gram lists it first").argmax()
    assert min(differences) > -0.05
    assert np.mean(np.abs(differences) < 0.05) > 0.9


def test_right_to_left_is_the_same_in_a_mirror(tiny_artifact):
    loaded = artifact.read(tiny_artifact)
    straight, mirrored = Network(loaded), Network(loaded, right_to_left=True)
    words = [entry.word for entry in little_words(20, seed=96)]
    proposed = mirrored.propose(words)
    expected = straight.propose([word[::-1] for word in words])
    for there, here in zip(proposed, expected, strict=True):
        assert {spoken[::-1]: score for spoken, score in there.items()} == here
    pairs = [(word, sound_out(word)) for word in words]
    reversed_pairs = [(word[::-1], spoken[::-1]) for word, spoken in pairs]
    assert mirrored.score(pairs) == straight.score(reversed_pairs)
    assert mirrored.name != straight.name


def test_a_reversed_lexicon_reads_backwards(tmp_path):
    entries = [lexicon.Entry("TAG", ("T", "AE", "G")), lexicon.Entry("TAG", ("T", "EY", "G"))]
    lexicon.write(tmp_path / "one.dict", entries, "cmudict")
    options = ["--lexicon", str(tmp_path / "one.dict"), "--out", str(tmp_path / "reversed.dict")]
    done = CliRunner().invoke(app, ["reverse", *options])
    assert done.exit_code == 0, done.output
    assert [(entry.word, entry.phonemes) for entry in lexicon.read(tmp_path / "reversed.dict")] == [
        ("GAT", ("G", "AE", "T")),
        ("GAT", ("G", "EY", "T")),
    ]


def test_rules_and_words_that_begin_alike_support_a_candidate(ngram):
    known = {
        "BED": [("B", "EH", "D")],
        "BEDDER": [("B", "EH", "D", "ER")],
        "TAG": [("T", "AE", "G")],
    }
    english = FeatureExtractor([Network(artifact.read(_SHIPPED))], ngram, known)
    (of_bed, of_beds) = english.candidates(["BED'S", "BEDS"])
    right = ("B", "EH", "D", "Z")
    for each, rule, other in (
        (of_bed, "possessive by rule", "plural by rule"),
        (of_beds, "plural by rule", "possessive by rule"),
    ):
        row = each.pronunciations.index(right)
        assert column(english, each, rule)[row] == 1
        assert column(english, each, rule).sum() == 1
        assert not column(english, each, other).any()
        stem = known["BED"][0]
        expected = [
            next((i for i, (a, b) in enumerate(zip(one, stem, strict=False)) if a != b), len(stem))
            for one in each.pronunciations
        ]
        shared = column(english, each, "phonemes shared with words that begin alike")
        assert shared.tolist() == expected
        assert shared[row] == 3


def drawn(count, *, seed):
    """Words of four candidates: the second feature counts twice, the third is noise."""
    draw = np.random.default_rng(seed)
    listed, references = [], {}
    for word in (f"W{i}" for i in range(count)):
        features = draw.normal(size=(4, 3))
        scores = features @ np.array([1.0, 2.0, 0.0])
        shares = np.exp(scores) / np.exp(scores).sum()
        ways = [(f"{word}-{i}",) for i in range(4)]
        listed.append(Candidates(word, ways, features))
        references[word] = [ways[draw.choice(4, p=shares)]]
    return listed, references


def test_the_fit_finds_the_weights_that_words_were_drawn_with():
    names = ("first", "second", "noise")
    listed, references = drawn(4000, seed=1)
    fitted = panel.fit(listed, references, names)
    assert list(fitted.weights.values()) == pytest.approx([1, 2, 0], abs=0.12)
    posterior = fitted.posterior(listed[0].features)
    assert posterior.sum() == pytest.approx(1)
    # judged on words that it was not fitted to, about as well as on those that it was
    judged = panel.cross_fit(listed, references, names, seed=1)
    answers = [each.pronunciations[fitted.posterior(each.features).argmax()] for each in listed]
    wrong = sum(
        answer not in references[each.word] for each, answer in zip(listed, answers, strict=True)
    )
    assert judged.words == 4000
    assert judged.wrong == pytest.approx(wrong, abs=40)
    assert 0 < judged.nats < np.log(4)


def test_words_without_a_right_candidate_count_as_wrong():
    listed, references = drawn(300, seed=2)
    names = ("first", "second", "noise")
    before = panel.cross_fit(listed, references, names, seed=1)
    references |= {f"UNKNOWN{i}": [("X",)] for i in range(7)}
    after = panel.cross_fit(listed, references, names, seed=1)
    assert (after.words, after.wrong) == (307, before.wrong + 7)
    with pytest.raises(ValueError, match="no candidate is right"):
        panel.fit(listed, {each.word: [("X",)] for each in listed}, names)


def test_a_panel_of_other_networks_is_refused(tmp_path):
    Panel({"a": 1.0, "b": 2.0}, {"a"}).write(tmp_path / "panel.json")
    read = Panel.read(tmp_path / "panel.json")
    assert read.right_to_left == {"a"}
    assert read.for_features(["b", "a"]).posterior(np.array([[1.0, 0.0], [0.0, 0.0]]))[0] > 0.8
    with pytest.raises(PanelMismatchError, match=r"give the same.*\(b, c\)") as raised:
        read.for_features(["a", "c"])
    assert raised.value.features == ["b", "c"]
    (tmp_path / "broken.json").write_text('{"weights": {"a": "many"}}')
    with pytest.raises(PanelError, match="fit-panel") as broken:
        Panel.read(tmp_path / "broken.json")
    assert broken.value.path == tmp_path / "broken.json"


def test_the_commands_fit_a_panel_and_label_with_it(ngram, tiny_artifact, little_lexicon, tmp_path):
    run = CliRunner().invoke
    members = ["--teacher", str(tiny_artifact), "--ngram", str(ngram)]
    members += ["--lexicon", str(little_lexicon["train"])]
    fitted = tmp_path / "panel.json"
    done = run(
        app, ["fit-panel", *members, "--unseen", str(little_lexicon["test"]), "--out", str(fitted)]
    )
    assert done.exit_code == 0, done.output
    assert "cross-fitted on 100 words" in done.stdout
    assert len(json.loads(fitted.read_text())["weights"]) == 8

    known = {entry.word for entry in lexicon.read(little_lexicon["train"])}
    words = [entry.word for entry in little_words(40, seed=97) if entry.word not in known]
    random.Random(1).shuffle(words)
    (tmp_path / "words.txt").write_text("\n".join(words))
    label = ["label", *members, "--words", str(tmp_path / "words.txt"), "--panel", str(fitted)]
    done = run(app, [*label, "--device", "cpu", "--out", str(tmp_path / "soft")])
    assert done.exit_code == 0, done.output
    made = soft_labels.read(tmp_path / "soft")
    assert made.origin["panel"][0]["sha256"]
    entries, labelled = made.examples[:1500], made.examples[1500:]
    assert all((each.soft.probabilities[:, 0] == 1).all() for each in entries)
    answers = {
        "".join(made.graphemes.decode(each.graphemes)): made.phonemes.decode(each.labels[1:-1])
        for each in labelled
    }
    assert set(answers) == set(words)
    assert sum(answers[word] == sound_out(word) for word in words) >= 0.9 * len(words)

    without = run(app, ["label", *label[1:3], *label[5:], "--out", str(tmp_path / "none")])
    assert without.exit_code == 2
    assert "--ngram" in without.output
    other = run(app, [*label, "--teacher", str(_SHIPPED), "--out", str(tmp_path / "none")])
    assert other.exit_code == 2
    assert not (tmp_path / "none").exists()
