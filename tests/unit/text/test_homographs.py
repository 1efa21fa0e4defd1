import json
import shutil

import numpy as np
import pytest

from tanger.model.phonology.stress import strip
from tanger.model.text import TableError
from tanger.model.text.homographs import HomographModel, examples, fitting, table
from tanger.model.text.homographs.everyday import Variants
from tanger.model.text.homographs.model import HomographModelError
from tests.support import ROOT

FOLDER = ROOT / "artifacts" / "en-us-text"


@pytest.fixture(scope="module")
def model():
    return HomographModel.load(FOLDER)


@pytest.mark.parametrize(
    ("sentence", "word", "phonemes"),
    [
        ("She likes to read in bed .", "read", "R IY D"),
        ("He had read the whole book .", "read", "R EH D"),
        ("We will record it tomorrow .", "record", "R AH K AO R D"),
        ("a new world record for women", "record", "R EH K ER D"),
        ("They live in Rome .", "live", "L IH V"),
        ("a live concert in Berlin", "live", "L AY V"),
        ("The wind blew from the north .", "wind", "W IH N D"),
        ("Iron , lead and zinc are mined there .", "lead", "L EH D"),
        ("They lead the way .", "lead", "L IY D"),
        ("Does she know ?", "Does", "D AH Z"),
        ("Close the door", "Close", "K L OW Z"),
        ("I object to that .", "object", "AH B JH EH K T"),
        ("Use it !", "Use", "Y UW Z"),
        ("wind it up", "wind", "W AY N D"),
        ("I read it yesterday .", "read", "R EH D"),
    ],
)
def test_the_context_chooses_a_sense(model, sentence, word, phonemes):
    words = sentence.split()
    assert " ".join(strip(model.senses(words, words.index(word))[0].phonemes)) == phonemes


@pytest.mark.parametrize(
    ("sentence", "word", "sense"),
    [
        ("The police have the records of it .", "records", "records_nou"),
        ("A machine that records the sound of it .", "records", "records_vrb"),
        ("The surveys of the coast were lost .", "surveys", "surveys_nou"),
        ("They tried to annex the island .", "annex", "annex_vrb"),
        ("Please transfer the money .", "transfer", "transfer_vrb"),
        ("The transfer of the money failed .", "transfer", "transfer_nou"),
        ("All proceeds go to the school .", "proceeds", "proceeds_nou"),
    ],
)
def test_words_without_sentences_go_by_part_of_speech(model, sentence, word, sense):
    words = sentence.split()
    assert model.senses(words, words.index(word))[0].name == sense


@pytest.mark.parametrize(("half", "least"), [("rules", 0.93), ("held-out", 0.97), ("second", 0.96)])
def test_everyday_sentences(model, half, least):
    """Sentences unlike those of training: requests, questions, I and you."""
    path = ROOT / "tests" / "data" / "homographs" / f"everyday-{half}.tsv"
    sentences = examples.read_sentences(path)
    right = [model.senses(s.words, s.place)[0].name == s.sense for s in sentences]
    assert len(right) > 100
    assert np.mean(right) >= least


@pytest.mark.parametrize(
    ("sentence", "form", "expected"),
    [
        (["We", "want", "to", "use", "the", "box"], "base", {"use the box", "I use the box"}),
        (["We", "want", "to", "use", "the", "box"], "base", {"Use it .", "I use me ."}),
        (["near", "his", "use", "of", "it"], "other", {"my use of it"}),
        (["pots", "of", "use", "there"], "other", {"Use there"}),
        (["where", "he", "use", "words"], "past", {"I use words", "you use words"}),
    ],
)
def test_everyday_variants_have_another_beginning_or_object(sentence, form, expected):
    place = sentence.index("use")
    found = list(Variants().of(sentence, place, form))
    assert expected <= {" ".join(words) for words, _ in found}
    assert all(words[at].lower() == "use" for words, at in found)


def test_variants_train_alone():
    """They are neither judged nor, in cross-validation, seen with the sentence held out."""
    sentences = [examples.Sentence("use", "use_vrb", ["to", "use", "the", "box"], 1)]
    senses = {"use": table.read(FOLDER / "homographs.tsv")["use"]}
    (example,) = examples.sense_examples(sentences, senses, {"use"})
    assert len(example.variants) > 3
    assert all(each.weight < example.weight for each in example.variants)
    assert len(fitting.Choices([example]).starts) == 1


def test_all_senses_are_given_the_likeliest_first(model):
    senses = model.senses(["bow"], 0)
    assert {sense.name for sense in senses} == {"bow_nou-knot", "bow_nou-ship"}
    assert senses[0].probability >= senses[1].probability > 0.1
    assert sum(sense.probability for sense in senses) == pytest.approx(1)


def test_other_words_have_no_senses(model):
    assert model.senses(["tanger"], 0) == []
    assert {"read", "does", "records"} <= model.words


@pytest.mark.parametrize("words", [["", "bow", ""], ["\ud800", "bow", "🎄"], ["BOW"]])
def test_any_neighbours_will_do(model, words):
    assert len(model.senses(words, len(words) // 2)) == 2


def test_the_table_names_each_pronunciation_once():
    for word, entries in table.read(FOLDER / "homographs.tsv").items():
        assert len(entries) > 1, word
        assert len({entry.phonemes for entry in entries}) == len(entries), word


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bow\tbow_1\t\t1\tB OW1", "expected 6 fields, got 5"),
        ("bow\tbow_1\t\tmany\tB OW1\tknot", "expected a prior above 0"),
        ("Bow\tbow_1\t\t1\tB OW1\tknot", "expected a word in lower case"),
    ],
)
def test_a_bad_line_of_the_table_is_named(tmp_path, line, message):
    path = tmp_path / "homographs.tsv"
    path.write_text("\t".join(table.COLUMNS) + "\n" + line + "\n")
    with pytest.raises(TableError, match=message) as raised:
        table.read(path)
    assert raised.value.line == 2


def test_weights_of_another_format_are_refused(tmp_path):
    shutil.copy(FOLDER / "homographs.tsv", tmp_path)
    fitting.save(tmp_path / "homographs.safetensors", np.zeros(4, np.int8), json.dumps({}))
    with pytest.raises(HomographModelError, match="expected weights"):
        HomographModel.load(tmp_path)
    (tmp_path / "homographs.safetensors").write_bytes(b"nothing")
    with pytest.raises(HomographModelError, match="no safetensors"):
        HomographModel.load(tmp_path)


def test_offsets_of_sentences_are_bytes(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text(
        '"homograph"\t"wordid"\t"sentence"\t"start"\t"end"\n'
        '"bow"\t"bow_nou-knot"\t"Café: a bow."\t9\t12\n',
        "utf-8",
    )
    (sentence,) = examples.read_sentences(path)
    assert sentence.words == ["Café", ":", "a", "bow", "."]
    assert sentence.words[sentence.place] == "bow"


def test_fitting_learns_what_tells_senses_apart(tmp_path):
    path = tmp_path / "homographs.tsv"
    path.write_text(
        "\t".join(table.COLUMNS) + "\nbow\tknot\t\t1\tB OW1\tknot\nbow\tship\t\t1\tB AW1\tship\n"
    )
    senses = table.read(path)
    sentences = [
        examples.Sentence("bow", "knot", ["tie", "a", "bow"], 2),
        examples.Sentence("bow", "ship", ["the", "ship's", "bow"], 2),
    ] * 5
    assert examples.trained_words(senses, sentences) == {"bow"}
    choices = examples.sense_examples(sentences, senses, {"bow"})
    weights, step = fitting.quantized(fitting.fit(choices))
    fitting.save(
        tmp_path / "homographs.safetensors",
        weights,
        json.dumps(
            {
                "format": "tanger-homographs-1",
                "scale": step,
                "unseen_scale": step,
                "trained": ["bow"],
            }
        ),
    )
    model = HomographModel.load(tmp_path)
    assert model.senses(["tie", "a", "bow"], 2)[0].name == "knot"
    assert model.senses(["the", "ship's", "bow"], 2)[0].name == "ship"


def test_groups_are_held_out_together():
    for kept, held in fitting.folds(["a", "b", "a", "c", "b"], 2):
        assert sorted(kept + held) == [0, 1, 2, 3, 4]
        assert {0, 2} <= set(kept) or {0, 2} <= set(held)


def test_calibration_error_is_the_distance_of_probability_and_success():
    sure = np.array([0.95, 0.95, 0.55, 0.55])
    assert fitting.calibration_error(sure, np.array([True, True, True, False])) == pytest.approx(
        0.05
    )
