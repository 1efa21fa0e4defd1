import subprocess
import sys

from tanger.model import lexicon
from tanger.model.calibration import hold_out
from tanger.model.lexicon import Entry


def one(word):
    return [Entry(word, ("A",))]


def two(word):
    return [Entry(word, ("A",)), Entry(word, ("B",))]


# 20 words, 5 of them with two pronunciations
KNOWN = [entry for n in range(15) for entry in one(f"K{n}")] + [
    entry for n in range(5) for entry in two(f"S{n}")
]


def test_several_pronunciations_are_as_frequent_as_in_training():
    unseen = [entry for n in range(6) for entry in one(f"U{n}")]
    kept, held_out = hold_out(KNOWN, unseen, seed=1)
    ways = lexicon.pronunciations(held_out)
    assert [word for word in ways if word.startswith("U")] == [f"U{n}" for n in range(6)]
    drawn = {word for word in ways if word.startswith("S")}
    assert len(drawn) == 2  # of 8, as 5 of 20
    assert all(len(ways[word]) == 2 for word in drawn)
    assert kept == [entry for entry in KNOWN if entry.word not in drawn]


def test_words_that_training_holds_do_not_count():
    unseen = [*one("K0"), *one("S0"), *(entry for n in range(3) for entry in one(f"U{n}"))]
    _, held_out = hold_out(KNOWN, unseen, seed=1)
    assert {entry.word for entry in held_out} >= {"U0", "U1", "U2"}
    assert "K0" not in {entry.word for entry in held_out}
    assert len(lexicon.pronunciations(held_out)) == 4


def test_unseen_words_with_several_count_among_them():
    unseen = [*two("V0"), *two("V1"), *(entry for n in range(6) for entry in one(f"U{n}"))]
    kept, held_out = hold_out(KNOWN, unseen, seed=1)
    assert kept == KNOWN
    assert held_out == unseen


def test_the_draw_can_be_repeated():
    unseen = one("U0") + one("U1") + one("U2")
    assert hold_out(KNOWN, unseen, seed=4) == hold_out(KNOWN, unseen, seed=4)
    assert len({tuple(hold_out(KNOWN, unseen, seed=seed)[1]) for seed in range(20)}) > 1


def test_the_command(tmp_path):
    lexicon.write(tmp_path / "known.dict", KNOWN, "cmudict")
    lexicon.write(
        tmp_path / "dev.dict", [entry for n in range(6) for entry in one(f"U{n}")], "cmudict"
    )
    command = [sys.executable, "-m", "tanger", "hold-out",
               "--lexicon", str(tmp_path / "known.dict"),
               "--unseen", str(tmp_path / "dev.dict"), "--out", str(tmp_path / "train.dict"),
               "--held-out", str(tmp_path / "calibration.dict")]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    held_out = lexicon.read(tmp_path / "calibration.dict")
    assert len(lexicon.pronunciations(held_out)) == 8
    assert "8 words held out" in done.stdout
    words = {entry.word for entry in held_out}
    assert lexicon.read(tmp_path / "train.dict") == [e for e in KNOWN if e.word not in words]
