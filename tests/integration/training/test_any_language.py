"""The default recipe on lexicons of other sizes and scripts than English."""

import dataclasses
import itertools
import random

import pytest
import torch

from tanger.model import lexicon
from tanger.model.lexicon import Entry
from tanger.model.phonemizer import Phonemizer
from tanger.model.training import recipe
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
    answers = Phonemizer.load(tmp_path / "artifact").pronounce([e.word for e in parts["test"]])
    right = sum(a.phonemes == e.phonemes for a, e in zip(answers, parts["test"], strict=True))
    assert right >= 40
