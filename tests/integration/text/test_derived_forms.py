from dataclasses import replace

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import lexicon
from tanger.model.lexicon import Entry
from tanger.model.text import derived_forms
from tanger.model.training import data as datasets
from tanger.model.training.data import DatasetError

KNOWN = {
    "CAT": [("K", "AE", "T")], "DOG": [("D", "AO", "G"), ("D", "AA", "G")],
    "CATS": [("K", "AE", "T", "S")], "STOP": [("S", "T", "AA", "P")], "FACE": [("F", "EY", "S")],
    "TRY": [("T", "R", "AY")], "LAND": [("L", "AE", "N", "D")], "HAND": [("HH", "AE", "N", "D")],
    "ROSS": [("R", "AO", "S")], "OX": [("AA", "K", "S")], "MUTE": [()],
}  # fmt: skip


@pytest.mark.parametrize(("word", "text"), [
    ("CAT'S", "K AE T S"), ("DOG'S", "D AO G Z, D AA G Z"), ("FACE'S", "F EY S IH Z"),
    ("CATS'", "K AE T S"), ("DOGS", "D AO G Z, D AA G Z"), ("TRIES", "T R AY Z"),
    ("FACED", "F EY S T"), ("STOPPED", "S T AA P T"), ("LANDED", "L AE N D IH D"),
    ("TRIED", "T R AY D"), ("FACING", "F EY S IH NG"), ("STOPPING", "S T AA P IH NG"),
    ("HANDFUL", "HH AE N D F AH L"), ("ROSS'S", "R AO S IH Z"),
    ("OX'S", ""), ("ZEBRAS", ""), ("CAT", ""), ("MUTES", ""), ("", ""), ("S", ""), ("'S", ""),
])  # fmt: skip
def test_what_a_form_sounds_like(word, text):
    assert ", ".join(map(" ".join, derived_forms.derive(word, KNOWN))) == text


@pytest.mark.parametrize(("ending", "least"), [("'S", 0.95), ("S", 0.9), ("ED", 0.87),
                                               ("ING", 0.87)])  # fmt: skip
def test_the_lexicon_agrees(split, ending, least):
    """Where the training lexicon has both the stem and the form, any-match."""
    known = lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.train-dev-20-21"))
    derived = {word: derived_forms.derive(word, known) for word in known if word.endswith(ending)}
    right = [bool(set(spoken) & set(known[word])) for word, spoken in derived.items() if spoken]
    assert len(right) > 1500
    assert sum(right) / len(right) > least


def test_the_command_makes_a_lexicon_to_train_on(tmp_path, tiny_recipe, little_lexicon):
    entries = [Entry(w, p) for w, spoken in KNOWN.items() for p in spoken if p]
    lexicon.write(tmp_path / "known.dict", entries, "cmudict")
    lexicon.write(tmp_path / "test.dict", [Entry("DOGS", ("D",))], "cmudict")
    (tmp_path / "words.txt").write_text("CATS\nDOGS\nLANDED\nZEBRAS\n")
    done = CliRunner().invoke(app, [
        "derive", "--lexicon", str(tmp_path / "known.dict"), "--words", str(tmp_path / "words.txt"),
        "--without", str(tmp_path / "test.dict"), "--possessives", "1",
        "--out", str(tmp_path / "derived.dict"),
    ])  # fmt: skip
    assert done.exit_code == 0
    derived = lexicon.pronunciations(lexicon.read(tmp_path / "derived.dict"))
    assert set(derived) == {"LANDED", "CAT'S", "DOG'S", "STOP'S", "FACE'S", "TRY'S", "LAND'S",
                            "HAND'S"}  # fmt: skip
    assert f"{sum(map(len, derived.values()))} entries" in done.stdout


def test_further_entries_are_trained_on(tmp_path, tiny_recipe, little_lexicon):
    train, dev = little_lexicon["train"], little_lexicon["dev"]
    lexicon.write(tmp_path / "more.dict", [Entry("ZZ", ("T",))], "cmudict")
    with pytest.raises(DatasetError, match=r"more\.dict has 'Z'"):
        datasets.read(tiny_recipe, train, dev, additional_lexicons=[tmp_path / "more.dict"])
    lexicon.write(tmp_path / "more.dict", [Entry("TT", ("T",)), Entry("TT", ("D",))], "cmudict")
    data = datasets.read(tiny_recipe, train, dev, additional_lexicons=[tmp_path / "more.dict"])
    assert len(data.examples) == 1502
    assert data.checksums["further"][0]["entries"] == 2
    with pytest.raises(DatasetError, match="holds 100 words of"):
        datasets.read(tiny_recipe, train, dev, additional_lexicons=[dev])
    with pytest.raises(DatasetError, match="label those entries too"):
        datasets.read(
            tiny_recipe, train, dev, additional_lexicons=[dev], soft_path=tmp_path / "soft"
        )
    joins = replace(tiny_recipe, minibatches=replace(tiny_recipe.minibatches, joined=1.0))
    with pytest.raises(DatasetError, match="joined must be 0"):
        datasets.read(joins, train, dev, soft_path=tmp_path / "soft")


def test_letters_are_spoken_with_their_stress():
    assert " ".join(derived_forms.letter_by_letter("BBC")) == "B IY1 B IY1 S IY1"
    assert " ".join(derived_forms.letter_by_letter("W")) == "D AH1 B AH0 L Y UW0"
    assert " ".join(derived_forms.letter_by_letter("TV", in_plural=True)) == "T IY1 V IY1 Z"
    assert derived_forms.letter_by_letter("US", in_plural=True)[-2:] == ("IH0", "Z")
