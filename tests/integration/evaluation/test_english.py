import shutil

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact, lexicon
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.english.sources import Sources
from tanger.model.evaluation import english, english_calibration
from tanger.model.evaluation.english import (
    RealWord,
    RealWordsError,
    ranked_words,
    read_real_words,
)
from tanger.model.evaluation.significance import ErrorRate
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.stress import split, strip


class Answers:
    """Says what it is given, with stress; in place of a network."""

    graphemes = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"

    def __init__(self, **answers):
        self.answers = answers

    def pronounce(self, words):
        given = [tuple(self.answers.get(word, "AH0").split()) for word in words]
        return [
            Hypothesis(strip(sounds), (0.9,), True, tuple(split(s)[1] for s in sounds), 0.9)
            for sounds in given
        ]


def sources(**readings):
    empty = {name: {} for name in ("cmudict", "cmudict_latest", "amepd", "isle", "mfa")}
    given = {
        name: {word: [tuple(way.split()) for way in text.split(" | ")] for word, text in w.items()}
        for name, w in readings.items()
    }
    return Sources(**{**empty, **given})


def by_name(result):
    return {rate.name: rate for rate in result.rates}


def test_frequent_words_may_be_as_any_cmudict_has_them():
    made = sources(
        cmudict={"THE": "DH AH0", "OF": "AH1 V", "AND": "AE1 N D", "QZJXKV": "Z IH1 Z IH0 K S"},
        cmudict_latest={"OF": "AH1 V | AO1 V"},
        amepd={"AND": "AH0 N D"},
    )
    network = Answers(THE="DH AH0", OF="AO1 V", AND="AE1 N T", QZJXKV="Z IH1 Z")
    result = english.evaluate(network, made)
    # wordfreq has no QZJXKV
    assert by_name(result)["the 10,000 most frequent"] == ErrorRate(
        "the 10,000 most frequent", 3, 1
    )
    assert result.wrong["the 100 most frequent"] == {"AND": ("AE", "N", "T")}
    assert result.calibration_errors["the 100 most frequent"] == pytest.approx(0.9 - 2 / 3)


def test_real_words_are_judged_by_consensus(tmp_path):
    (tmp_path / "real.tsv").write_text(
        "BLOG\tB L AO G\tB L AO G|B L OW G\n"
        "EMOJI\tIH M OW JH IY\tIH M OW JH IY\n"
        "VLOG\tV L AO G\tV L AO G\n"
    )
    made = sources(
        cmudict={"THE": "DH AH0"},
        isle={"BLOG": "B L AO1 G", "EMOJI": "IH0 M OW1 JH IY0", "VLOG": "V L AO2 G"},
    )
    network = Answers(BLOG="B L AA1 G", EMOJI="IY0 M OW1 JH IY0", VLOG="V L AO1 G")
    result = english.evaluate(network, made, real_words=read_real_words(tmp_path / "real.tsv"))
    rates = by_name(result)
    assert rates["real words off consensus"].wrong == 1  # AA for AO is convention, IY for IH not
    assert rates["real words equal to no pronunciation"].wrong == 2
    assert rates["stress wrong where the phonemes are right"].words == 2
    assert rates["stress wrong where the phonemes are right"].wrong == 1


def test_trained_words_and_splits(tmp_path):
    lexicon.write(
        tmp_path / "train.dict",
        [Entry("CAT", ("K", "AE", "T")), Entry("BLOG", ("B", "L", "AO", "G"))],
        "cmudict",
    )
    lexicon.write(
        tmp_path / "dev", [Entry("CAT", ("K", "AH", "T")), Entry("OWL", ("AW", "L"))], "cmudict"
    )
    made = sources(cmudict={"CAT": "K AE1 T"}, cmudict_latest={"CAT": "K AA1 T"})
    network = Answers(CAT="K AA1 T", BLOG="B L AA1 G", OWL="AW1 L")
    rates = by_name(
        english.evaluate(network, made, trained=tmp_path / "train.dict", splits=[tmp_path / "dev"])
    )
    assert rates["trained words of CMUdict 0.7b"].wrong == 0
    assert rates["trained words besides"].wrong == 1
    assert rates["dev"] == ErrorRate("dev", 1, 0)  # CAT is known
    seen = by_name(
        english.evaluate(
            network,
            made,
            ["split"],
            trained=tmp_path / "train.dict",
            splits=[tmp_path / "train.dict"],
        )
    )
    assert seen == {"train.dict, seen in training": ErrorRate("train.dict, seen in training", 2, 2)}


def test_two_artifacts_are_compared_word_by_word():
    made = sources(cmudict={"THE": "DH AH0", "OF": "AH1 V", "AND": "AE1 N D"})
    first = english.evaluate(Answers(THE="DH AH0", OF="AH1 F", AND="AE1 N T"), made)
    second = english.evaluate(Answers(THE="DH IY0", OF="AH1 V", AND="AE1 N D"), made)
    compared = {pair.name: pair for pair in english.compare(first, second)}
    pair = compared["the 100 most frequent"]
    assert (pair.first_only, pair.second_only, pair.words) == (2, 1, 3)
    assert pair.difference == pytest.approx(-1 / 3)


def test_probabilities_fit_new_words_and_trained_ones(shipped_artifact):
    network = NetworkPhonemizer.load(shipped_artifact, "cpu")
    # What it answers itself is right for the words of its training, and for half of the new ones
    frequent = [word for word in ranked_words() if word.isalpha() and word.isascii()][:120]
    new = ["BLORG" + letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    answers = {w: a.phonemes for w, a in zip(frequent, network.pronounce(frequent), strict=True)}
    made = sources(cmudict={word: " ".join(phonemes) for word, phonemes in answers.items()})
    rare = ["OXBLOOD", "GLIMMERINGLY", "MUNTJACS"]
    trained = {
        word: [answer.phonemes] for word, answer in zip(rare, network.pronounce(rare), strict=True)
    }
    trained |= {word: [phonemes] for word, phonemes in answers.items()}
    real = {}
    for number, (word, answer) in enumerate(zip(new, network.pronounce(new), strict=True)):
        way = answer.phonemes if number % 2 else ("ZH",)
        real[word] = RealWord((way,), (way,))
    fitted = english_calibration.calibrate(network, made, real, trained)
    assert set(fitted.errors) == {"real words", "frequent words", "other trained words"}
    steps = [answer.step_probabilities for answer in network.pronounce(new)]
    assert 0.3 < sum(map(fitted.calibration.probability, steps)) / len(steps) < 0.7
    assert sum(map(fitted.trained_calibration.probability, steps)) / len(steps) > 0.85
    assert all(fitted.trained_words.contains([*frequent, *rare]))
    assert sum(fitted.trained_words.contains(new)) <= 2


def test_a_line_of_another_form_is_named(tmp_path):
    (tmp_path / "real.tsv").write_text("BLOG\tB L AO G\tB L AO G\nVLOG\tV L AO G\n")
    with pytest.raises(RealWordsError, match=r"real\.tsv:2") as raised:
        read_real_words(tmp_path / "real.tsv")
    assert raised.value.line == 2


def test_the_command(tmp_path, shipped_artifact):
    shutil.copytree(shipped_artifact, tmp_path / "artifact")
    shipped_artifact = tmp_path / "artifact"
    content = {
        "cmudict-0.7b": "CAT  K AE1 T\nTHE  DH AH0\n",
        "cmudict.dict": "cat K AE1 T\n",
        "amepd.dict": "CAT  K AE1 T\n",
        "ISLEdict.txt": "vlog() # v l ˈɔ g #\n",
        "english_us_mfa.dict": "cat\tk æ t\n",
        "real.tsv": "VLOG\tV L AO G\tV L AO G\n",
    }
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    arguments = ["evaluate", "--set", "frequent-words", "--set", "real-words",
                 "--from", str(tmp_path), "--artifact", str(shipped_artifact),
                 "--real-words", str(tmp_path / "real.tsv"), "--wrong",
                 str(tmp_path / "wrong.json"), "--threads", "1"]  # fmt: skip
    refused = CliRunner().invoke(app, arguments)
    assert refused.exit_code == 2
    assert "another edition" in refused.output
    done = CliRunner().invoke(
        app, [*arguments, "--no-verify", "--keep", "--against", str(shipped_artifact)]
    )
    assert done.exit_code == 0, done.output
    assert "the 100 most frequent: 0.00 % [0.00, 65.76] (0 of 2)" in done.output
    assert (
        "the 100 most frequent: +0.00 points [+0.00, +0.00], 0 words mended, 0 broken, p = 1"
        in done.output
    )
    assert (tmp_path / "wrong.json").exists()
    kept = artifact.read(shipped_artifact).word_sets()["the 100 most frequent"]
    assert (kept["words"], kept["wrong"]) == (2, 0)
    assert "| the 100 most frequent | 2 | 0.00 |" in (shipped_artifact / "README.md").read_text()
    # An evaluation on a lexicon leaves them, and tells what training has seen
    lexicon.write(tmp_path / "few.dict", [Entry("CAT", ("K", "AE", "T"))], "cmudict")
    scored = CliRunner().invoke(
        app,
        ["evaluate", "--lexicon", str(tmp_path / "few.dict"), "--artifact", str(shipped_artifact),
         "--trained", str(tmp_path / "few.dict"), "--device", "cpu", "--keep"],
    )  # fmt: skip
    assert scored.exit_code == 0, scored.output
    assert "1 of these words were seen in training" in scored.output
    card = (shipped_artifact / "README.md").read_text()
    assert "Of the words of few.dict, 1 were seen in training." in card
    assert "| the 100 most frequent | 2 | 0.00 |" in card
