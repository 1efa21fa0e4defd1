import random
from collections import Counter

from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import lexicon
from tanger.model.distillation import spellings
from tanger.model.distillation.spellings import LetterModel
from tanger.model.lexicon import Entry


def test_words_are_as_likely_as_witten_and_bell_say():
    """Behind A came two letters, three times in all: a new one has 2 / 5 and comes from all six."""
    model = LetterModel([tuple("AB"), tuple("AC"), tuple("AB")], history=1)
    draw = random.Random(1)
    seen = Counter("".join(model.draw(draw))[:2] for _ in range(50_000))
    starts_with_a = sum(count for word, count in seen.items() if word.startswith("A"))
    # First the start: A thrice, of one kind; else one of A A A, B B C, and the end thrice
    assert abs(starts_with_a / 50_000 - (3 / 4 + 1 / 4 * 3 / 9)) < 0.01
    then_b = seen["AB"] / starts_with_a
    assert abs(then_b - (3 / 5 * 2 / 3 + 2 / 5 * 2 / 9)) < 0.01


def test_invented_words_are_new_each_once_and_spelt_like_the_others():
    words = ["SMITH", "SMYTHE", "SMITHSON", "JOHNSON", "JONES", "HOBSON", "HOBBES", "BATES"]
    kept_out = {"JOHNSONS", "HOBSONES"}
    found = list(spellings.invented_words(words, count=40, without=kept_out, seed=1))
    assert len(found) == len(set(found)) == 40
    assert not set(found) & (set(words) | kept_out)
    assert found == list(spellings.invented_words(words, count=40, without=kept_out, seed=1))
    assert all(2 <= len(word) <= 20 and set(word) <= set("".join(words)) for word in found)


def test_a_model_with_nothing_new_to_say_comes_to_an_end():
    assert list(spellings.invented_words(["A"], count=5, without=["AA"], seed=1)) != []
    few = list(spellings.invented_words(["A"], count=10_000, without=[], seed=1))
    assert 0 < len(few) < 20


def test_the_command_puts_them_after_the_real_ones(tmp_path):
    lexicon.write(tmp_path / "train.dict", [
        Entry(word, ("T",)) for word in ("HOUSE", "MOUSE", "MOOSE", "HORSE")], "cmudict",
    )  # fmt: skip
    done = CliRunner().invoke(app, [
        "spellings", "--lexicon", str(tmp_path / "train.dict"), "--most", "10", "--invented", "5",
        "--out", str(tmp_path / "words.txt"),
    ])  # fmt: skip
    assert done.exit_code == 0, done.output
    words = (tmp_path / "words.txt").read_text().split()
    assert len(set(words)) == 15
    assert not {"HOUSE", "MOUSE", "MOOSE", "HORSE"} & set(words)
