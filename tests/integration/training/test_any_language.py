"""The default recipe on lexicons of other sizes and scripts than English."""

import dataclasses
import itertools
import random

import pytest
import torch

from tanger.model import lexicon
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.text.text_phonemizer import TextPhonemizer
from tanger.model.training import recipe
from tanger.model.training.data import DatasetError
from tests.support.lexicons import little_words
from tests.support.training import SilentReporter, train

# Letters of several bytes, of several code points and beyond the Basic Multilingual Plane.
SCRIPTS = {
    "Greek": ("βγδζθκ", "αει"),
    "Devanagari": ("कगचजटद", "ािी"),
    "Gothic": ("𐌱𐌲𐌳𐌵𐌶𐌷", "𐌰𐌴𐌹"),
}


def words_of_all_scripts(count: int) -> list[Entry]:
    """Words of any one script, each letter with its own sound; a letter twice is one sound."""
    letters = dict.fromkeys(itertools.chain.from_iterable(itertools.chain(*SCRIPTS.values())))
    sounds = {letter: f"p{number}" for number, letter in enumerate(letters)}
    draw = random.Random(5)
    made: dict[str, Entry] = {}
    while len(made) < count:
        consonants, vowels = draw.choice(list(SCRIPTS.values()))
        pairs = [(draw.choice(consonants), draw.choice(vowels)) for _ in range(draw.randint(2, 4))]
        spelt = "".join(itertools.chain.from_iterable(pairs))
        spoken = [sounds[letter] for letter, _ in itertools.groupby(spelt)]
        made[spelt] = Entry(spelt, tuple(spoken))
    return list(made.values())


@pytest.mark.slow
def test_a_small_lexicon_of_any_script_needs_no_tuning(tmp_path):
    entries = words_of_all_scripts(400)
    parts = {"train": entries[:300], "dev": entries[300:350], "test": entries[350:]}
    for name, part in parts.items():
        lexicon.write(tmp_path / f"{name}.tsv", part, "tsv")
    torch.set_num_threads(1)
    found = recipe.load("default", entries=len(parts["train"]))
    # So regular a language needs a fifth of the passes
    short = dataclasses.replace(found, run=dataclasses.replace(found.run, epochs=12))
    assert train(
        short,
        lexicon_path=tmp_path / "train.tsv",
        dev_path=tmp_path / "dev.tsv",
        out=tmp_path / "artifact",
        run=tmp_path / "run",
        reporter=SilentReporter(),
    )
    answers = NetworkPhonemizer.load(tmp_path / "artifact").pronounce(
        [e.word for e in parts["test"]]
    )
    right = sum(a.phonemes == e.phonemes for a, e in zip(answers, parts["test"], strict=True))
    assert right >= 40


def pairs_of_words(folder, *, space=" "):
    """Lexicons of spellings of two words each, in tab-separated form."""
    words = little_words(400, seed=2)
    entries = [
        Entry(f"{first.word}{space}{second.word}", (*first.phonemes, *second.phonemes))
        for first, second in zip(words[::2], words[1::2], strict=True)
    ]
    parts = {"train": entries[:150], "dev": entries[150:]}
    for name, part in parts.items():
        lexicon.write(folder / f"{name}.tsv", part, "tsv")
    return {f"{name}_path": folder / f"{file}.tsv" for name, file in
            (("lexicon", "train"), ("dev", "dev"))}  # fmt: skip


def test_spellings_may_hold_spaces(tmp_path, tiny_recipe):
    """As Vietnamese words do between their syllables: from the lexicon's file to an answer."""
    short = dataclasses.replace(tiny_recipe, run=dataclasses.replace(tiny_recipe.run, epochs=1))
    assert train(
        short,
        **pairs_of_words(tmp_path),
        out=tmp_path / "artifact",
        run=tmp_path / "run",
        reporter=SilentReporter(),
    )
    phonemizer = TextPhonemizer.load(tmp_path / "artifact", builtin_lexicon="off")
    single, several = phonemizer.results(["bad  ten", "bad ten"], phonemizer.pipeline.options())
    assert single.normalized == several.normalized == "BAD TEN"
    assert single.error is several.error is None
    assert single.pronunciations[0].phonemes == several.pronunciations[0].phonemes


def test_white_space_that_looks_like_a_space_is_refused_before_training(tmp_path, tiny_recipe):
    paths = pairs_of_words(tmp_path, space="\u00a0")
    with pytest.raises(DatasetError, match=r"train\.tsv has U\+00A0 in .*write a space"):
        train(
            tiny_recipe,
            **paths,
            out=tmp_path / "artifact",
            run=tmp_path / "run",
            reporter=SilentReporter(),
        )
