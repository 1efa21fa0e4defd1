import pytest

from tanger.model import lexicon
from tanger.model.text import acronyms, derived_forms


@pytest.mark.parametrize("word", ["BBC", "HTML", "FBI", "IBM", "ATM", "TV", "CNN"])
def test_what_is_spoken_letter_by_letter(word):
    assert acronyms.is_initialism(word)


@pytest.mark.parametrize(
    "word", ["NASA", "NATO", "AIDS", "MR", "MRS", "DR", "AND", "THE", "A", "B"]
)
def test_what_is_a_word(word):
    assert not acronyms.is_initialism(word)


def test_letters_are_spoken_with_their_stress():
    assert " ".join(acronyms.pronounce("BBC")) == "B IY1 B IY1 S IY1"
    assert " ".join(acronyms.pronounce("W")) == "D AH1 B AH0 L Y UW0"
    assert " ".join(acronyms.pronounce("TV", plural=True)) == "T IY1 V IY1 Z"
    assert " ".join(acronyms.pronounce("GPS", plural=True)) == "JH IY1 P IY1 EH1 S IH0 Z"


def named(words):
    """How many words the rule names, how many of them rightly, and how many it misses."""
    tried = right = missed = 0
    for word, pronunciations in words.items():
        stem = word.removesuffix("'S")
        if not stem.isalpha() or len(stem) < 2:
            continue
        letters = derived_forms.spelt_out(stem)
        if stem != word:
            letters = derived_forms.plural(letters)
        by_letters = letters in pronunciations
        if acronyms.is_initialism(stem):
            tried += 1
            right += by_letters
        elif by_letters:
            missed += 1
    return tried, right, missed


def test_the_rule_does_as_well_as_it_says(split):
    def read(name):
        return lexicon.pronunciations(lexicon.read(split / name, "cmudict"))

    train = read("cmudict-0.7b.train-dev-20-21")
    held_out = read("cmudict-0.7b.test") | {
        word: found
        for word, found in read("cmudict-0.7b.train-dev-1-21").items()
        if word not in train
    }
    assert len(held_out) == 16_720
    tried, right, missed = named(held_out)
    assert (tried, right, missed) == (19, 12, 10)
    assert right / tried == acronyms.CHANCE
    assert named(train)[:2] == (59, 50)
