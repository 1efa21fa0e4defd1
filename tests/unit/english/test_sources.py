import json
from collections import Counter

import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import lexicon
from tanger.model.english import sources as dictionaries
from tanger.model.english.folds import fold
from tanger.model.english.notations import (
    copy_stress,
    merge_er,
    read_amepd,
    read_isle,
    read_mfa,
)
from tanger.model.english.sources import Sources
from tanger.model.lexicon import Entry
from tanger.model.output_files import EditionError

# Folds by SHA-256: TWERK and TOFU test, PODCAST dev, BLOG and EMOJI training.


def ways(text):
    return [tuple(way.split()) for way in text.split(" | ")]


def sources(**readings):
    empty = {name: {} for name in ("cmudict", "cmudict_latest", "amepd", "isle", "mfa")}
    given = {
        name: {word: ways(text) for word, text in words.items()} for name, words in readings.items()
    }
    return Sources(**{**empty, **given})


def combine(made, **answers):
    """Call `combine` with a network that gives these answers; also return its input words."""
    seen = []

    def candidates(words):
        seen.extend(words)
        return [ways(answers[word]) if word in answers else [] for word in words]

    return dictionaries.combine(made, candidates), seen


# Folds


@pytest.mark.parametrize(
    ("word", "expected"),
    [("TWERK", "test"), ("tofu", "test"), ("PODCAST", "dev"), ("BLOG", "train"), ("CAFÉ", "dev")],
)
def test_the_digest_of_the_spelling_tells_the_fold(word, expected):
    assert fold(word, known=()) == expected


def test_a_spelling_is_composed_before_it_is_digested():
    assert fold("cafe\u0301", known=()) == fold("CAF\u00c9", known=()) == "dev"


def test_words_of_cmudict_are_for_training():
    assert fold("twerk", known={"TWERK"}) == "train"


# Notations


def test_amepd_has_two_more_vowels_and_labels():
    dropped = Counter()
    found = read_amepd(
        [
            ";;; a comment\n",
            'A(det)  AX #@@{ "usage": "unstressed" }@@\n',
            "A(det)  EY1 #@@{ }@@\n",
            "HONOR(2)  AA1 N AXR\n",
            "THRENOS  TH R IY1 - N AA0 S\n",
            "3D  TH R IY1 D IY1\n",
        ],
        dropped,
    )
    assert found == {
        "A": [("AH0",), ("EY1",)],
        "HONOR": [("AA1", "N", "ER0")],
        "THRENOS": [("TH", "R", "IY1", "N", "AA0", "S")],
    }
    assert dropped == {"word of other letters": 1}


def test_mfa_has_allophones():
    dropped = Counter()
    lines = ["human\tç ʉː m ə n\n", "quick\tcʷ ɪ k\n", "got\tɡ ɒː ɾ\n", "<unk>\tspn\n", "x\tspn\n"]
    assert read_mfa(lines, dropped) == {
        "HUMAN": [("HH", "Y", "UW", "M", "AH", "N")],
        "QUICK": [("K", "W", "IH", "K")],
        "GOT": [("G", "AO", "T"), ("G", "AO", "D")],
    }
    assert dropped == {"word of other letters": 1, "unknown symbol": 1}


@pytest.mark.parametrize(
    ("entry", "meant"),
    [
        ("bunkie\tb ɐ ɲ c i", "B AH NG K IY"),
        ("uncooked\tɐ ŋ k ʊ k t", "AH N K UH K T"),
        ("unpaid\tɐ m pʰ ej d", "AH N P EY D"),
        ("emulate\tɛ mʲ ə l ej t", "EH M Y AH L EY T"),
        ("adulteress\tə d ɐ l t ɹ ə s", "AH D AH L T ER AH S"),
        ("emollient\tə m ɑ ʎ ə n t", "AH M AA L Y AH N T"),
    ],
)
def test_mfa_writes_quick_speech(entry, meant):
    found = read_mfa([entry], Counter())
    assert tuple(meant.split()) in found[entry.split()[0].upper()]


def test_isle_has_syllables_and_stress():
    dropped = Counter()
    lines = [
        "shipwreck(nn,vb) # ʃ ˈɪ p . ɹ ɛ k #\n",
        "four(cd,jj,nn,nnp) # f oʊ ɹ #\n",
        "play_on() # p l ei # ɑ n #\n",
        "aware(jj) # ə . w ɛ ɹ #\n",
        "drinkable(+drink+able,jj) # d ɹ ˈɪ n . k ə . b l̩ #\n",
        "rhodolite() # ɹ ˈoʊ d . ˌl̩ . ɑɪ t #\n",
        "aimlessness() # ˈei m . l ɪ s . n ɛ s #\n",
        "fatefully() # f ˈei t . f l̩ . l i #\n",
        "bottling() # b ˈɑ . t ˌl̩ #\n",
        "no entry\n",
    ]
    assert read_isle(lines, dropped) == {
        "SHIPWRECK": [("SH", "IH1", "P", "R", "EH0", "K")],
        "FOUR": [("F", "AO1", "R")],  # the only vowel is stressed
        "AWARE": [("AH", "W", "EH", "R")],  # the stress of two vowels is unknown
        "DRINKABLE": [("D", "R", "IH1", "N", "K", "AH0", "B", "AH0", "L")],
        "RHODOLITE": [("R", "OW1", "D", "AH0", "L", "AY2", "T")],  # moved to the vowel
        "AIMLESSNESS": [("EY1", "M", "L", "IH0", "S", "N", "AH0", "S")],
        "FATEFULLY": [("F", "EY1", "T", "F", "AH0", "L", "IY0")],
        "BOTTLING": [("B", "AA1", "T", "AH0", "L")],
    }
    assert dropped == {"word of other letters": 1, "not an entry": 1}


def test_stress_is_carried_over_by_vowels():
    marked = ("K", "AE1", "M", "AH0", "R", "AH0")
    assert copy_stress(("K", "AE", "M", "ER", "AH"), marked) == ("K", "AE1", "M", "ER0", "AH0")
    assert copy_stress(("K", "AE", "M", "R", "AH"), marked) is None
    assert copy_stress(("K", "AE", "T"), ("K", "AE", "T")) is None


def test_one_vowel_for_ah_and_r():
    assert merge_er("W AH R L D".split()) == ("W", "ER", "L", "D")
    assert merge_er("S T ER1 R IH0 NG".split()) == ("S", "T", "ER1", "IH0", "NG")


# Combining


def test_nothing_of_the_test_fold_is_ever_looked_at():
    made = sources(
        cmudict={"CAT": "K AE1 T"},
        cmudict_latest={"TWERK": "T W ER1 K"},
        amepd={"TOFU": "T OW1 F UW0"},
        isle={"TWERK": "T W ER1 K", "EMOJI": "IH0 M OW1 JH IY0"},
        mfa={"TOFU": "T OW F UW"},
    )
    combined, seen = combine(made, EMOJI="IH M OW JH IY")
    assert seen == ["EMOJI"]
    assert set(combined.train) == {"CAT", "EMOJI"}
    assert not combined.dev
    assert combined.counts["fold test"] == 2


def test_words_of_dev_are_kept_apart():
    made = sources(cmudict_latest={"BLOG": "B L AO1 G", "PODCAST": "P AA1 D K AE2 S T"})
    combined, _ = combine(made)
    assert set(combined.train) == {"BLOG"}
    assert set(combined.dev) == {"PODCAST"}


def test_what_the_limit_dictionaries_have_comes_first():
    made = sources(
        cmudict={"LOG": "L AO1 G | L AA1 G | L OW1 G"},
        cmudict_latest={"LOG": "L AO1 G | L AA1 G"},
        amepd={"LOG": "L AA1 G"},
    )
    combined, _ = combine(made)
    # the third is only in CMUdict 0.7b and is dropped
    assert combined.train["LOG"] == ways("L AA1 G | L AO1 G")


def test_an_equivalent_answer_stands_for_a_foreign_entry():
    made = sources(cmudict={}, isle={"BLOG": "B L AA1 G"}, mfa={"BLOG": "B L AA G | B L OW G"})
    combined, _ = combine(made, BLOG="B L OW G | B L AO G | B L AA G")
    # MFA alone has the first answer; both have an equivalent of the second (AO for AA); ISLE has
    # its stress
    assert combined.train["BLOG"] == ways("B L AO1 G")
    assert combined.counts["an equivalent answer, train"] == 1


def test_without_one_its_symbols_are_mapped():
    made = sources(mfa={"BLOG": "B L AH R G"})
    combined, _ = combine(made, BLOG="B L OW G")
    assert combined.train["BLOG"] == ways("B L ER G")
    assert combined.counts["mapped symbol by symbol, train"] == 1


def test_the_first_pronunciation_of_frequent_words_is_repeated():
    words = {"READ": ways("R EH1 D | R IY1 D"), "CAT": ways("K AE1 T"), "OWL": ways("AW1 L")}
    made = dictionaries.entries(words, ["A", "READ", "CAT"], [(1, 3), (2, 2)])
    assert Counter(made) == {
        Entry("READ", ("R", "EH", "D")): 3,
        Entry("READ", ("R", "IY", "D")): 1,
        Entry("CAT", ("K", "AE", "T")): 2,
        Entry("OWL", ("AW", "L")): 1,
    }
    alone = dictionaries.entries(words, ["A", "READ", "CAT"], [(1, 3)], preferred_alone=True)
    assert Counter(alone) == {
        Entry("READ", ("R", "EH", "D")): 3,
        Entry("CAT", ("K", "AE", "T")): 1,
        Entry("OWL", ("AW", "L")): 1,
    }


def test_entries_without_stress_have_no_place_among_stressed_ones():
    words = {"READ": ways("R EH1 D"), "BLOG": ways("B L ER G")}
    assert dictionaries.stressed_entries(words) == [Entry("READ", ("R", "EH1", "D"))]


# Files


@pytest.fixture
def folder(tmp_path):
    content = {
        "cmudict-0.7b": ";;; comment\nCAT  K AE1 T\n3D  TH R IY1 D IY1\nTHE  DH AH0\n",
        "cmudict.dict": "cat K AE1 T\npodcast P AA1 D K AE2 S T # new\n",
        "amepd.dict": "CAT  K AE1 T\n",
        "ISLEdict.txt": "twerk() # t w ˈɝ k #\nemoji() # ɪ . m ˈoʊ . dʒ i #\n",
        "english_us_mfa.dict": "blog\tb l ɒː ɡ\n",
    }
    for name, text in content.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_another_edition_is_refused(folder):
    with pytest.raises(EditionError, match="is another edition") as raised:
        dictionaries.read(folder)
    assert raised.value.path == folder / "cmudict-0.7b"


def test_the_command(folder, shipped_artifact):
    out = folder / "out"
    done = CliRunner().invoke(
        app,
        ["combine-dictionaries", "--from", str(folder), "--base", str(shipped_artifact), "--out",
         str(out), "--repeat", "1:3", "--no-verify", "--threads", "1"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    train = Counter(lexicon.read(out / "train.dict"))
    assert train[Entry("THE", ("DH", "AH"))] == 3
    assert {entry.word for entry in train} == {"CAT", "THE", "EMOJI", "BLOG"}
    assert {entry.word for entry in lexicon.read(out / "dev.dict")} == {"PODCAST"}
    stressed = lexicon.read(out / "train-stress.dict")
    assert Entry("CAT", ("K", "AE1", "T")) in stressed
    assert "BLOG" not in {entry.word for entry in stressed}
    report = json.loads((out / "sources.json").read_text())
    assert report["words"]["fold test"] == 1
    assert report["skipped"]["cmudict"] == {"word of other letters": 1}
    everything = "".join(path.read_text() for path in out.iterdir())
    assert "TWERK" not in everything.upper()


def test_spellings_of_the_training_fold_alone(folder):
    (folder / "list").write_text("blog\nEmoji\ntwerk\npodcast\ncat\nnsfw\ncat's\naimlessness\n")
    (folder / "lexicon.dict").write_text("BLOG  B L AO G\n")
    done = CliRunner().invoke(
        app,
        ["english-spellings", "--from", str(folder), "--list", str(folder / "list"), "--lexicon",
         str(folder / "lexicon.dict"), "--out", str(folder / "words"), "--no-verify"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert (folder / "words").read_text().split() == ["EMOJI"]


def test_the_command_wants_words_and_times(folder, tmp_path):
    done = CliRunner().invoke(
        app,
        ["combine-dictionaries", "--from", str(folder), "--out", str(tmp_path / "out"), "--repeat",
         "often", "--no-verify"],
    )  # fmt: skip
    assert done.exit_code == 2
    assert "WORDS:TIMES" in done.output
