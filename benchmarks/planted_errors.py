"""Plant errors of the kinds that dictionaries contain in correct entries.

Each kind is a function from a pronunciation with stress to a wrong one, or to None if it does not
apply.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Mapping, Sequence

from tanger.model.lexicon import Entry
from tanger.model.phonology import stress
from tanger.model.phonology.notation import ARPABET
from tanger.model.phonology.stress import VOWELS

Phonemes = tuple[str, ...]
Planting = Callable[[random.Random, Entry, Entry], Phonemes | None]

CONSONANTS = ARPABET - VOWELS
# Vowels that are most often confused, by models and people.
_CONFUSED = ("AH IH", "AH AA", "IY IH", "AE AH", "AE AA", "EH AH", "IH EH", "AA OW", "UH UW")
_SIBILANT_ENDING = ("IH", "AH")


def plant(
    entries: Sequence[Entry],
    right: Mapping[str, Collection[Phonemes]],
    *,
    count: int,
    seed: int,
    kinds: Mapping[str, Planting] | None = None,
) -> dict[int, tuple[str, Entry]]:
    """Plant errors in `count` entries, equally many of each kind.

    Args:
        entries: the entries, in the order of their file.
        right: all correct pronunciations with stress, by word.
        count: number of errors.
        seed: random seed.
        kinds: kinds of errors; all of `KINDS` by default.

    Returns:
        By the index of the entry: the kind of error, and the wrong entry.
    """
    draw = random.Random(seed)
    planted: dict[int, tuple[str, Entry]] = {}
    kinds = KINDS if kinds is None else kinds
    names = list(kinds)
    order = draw.sample(range(len(entries)), len(entries))
    for number in range(count):
        kind = names[number % len(names)]
        for place in order:
            if place in planted:
                continue
            entry = entries[place]
            wrong = kinds[kind](draw, entry, entries[(place + 1) % len(entries)])
            if wrong and wrong not in right[entry.word]:
                planted[place] = kind, Entry(entry.word, wrong)
                order.remove(place)
                break
    return planted


def _places(phonemes: Phonemes, among: Collection[str]) -> list[int]:
    return [i for i, phoneme in enumerate(phonemes) if stress.split(phoneme)[0] in among]


def _replaced(phonemes: Phonemes, place: int, *by: str) -> Phonemes:
    return (*phonemes[:place], *by, *phonemes[place + 1 :])


def _substitute(among: Collection[str]) -> Planting:
    """Return an error that replaces a symbol with another of the same class, keeping its stress."""

    def planting(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
        places = _places(entry.phonemes, among)
        if not places:
            return None
        place = draw.choice(places)
        sound, digit = stress.split(entry.phonemes[place])
        other = draw.choice(sorted(set(among) - {sound}))
        return _replaced(entry.phonemes, place, *stress.mark([other], [digit]))

    return planting


def _confuse(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    """Replace a vowel with one that is often confused with it."""
    pairs = [pair.split() for pair in _CONFUSED]
    both = [(a, b) for pair in pairs for a, b in (pair, reversed(pair))]
    places = _places(entry.phonemes, {a for a, _ in both})
    if not places:
        return None
    place = draw.choice(places)
    sound, digit = stress.split(entry.phonemes[place])
    other = draw.choice([b for a, b in both if a == sound])
    return _replaced(entry.phonemes, place, *stress.mark([other], [digit]))


def _drop(among: Collection[str]) -> Planting:
    def planting(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
        places = _places(entry.phonemes, among)
        if not places or len(entry.phonemes) < 2:
            return None
        return _replaced(entry.phonemes, draw.choice(places))

    return planting


def _insert(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    place = draw.randint(0, len(entry.phonemes))
    sound = draw.choice(sorted(ARPABET))
    new = f"{sound}0" if sound in VOWELS else sound
    return (*entry.phonemes[:place], new, *entry.phonemes[place:])


def _swap(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    pairs = list(zip(entry.phonemes, entry.phonemes[1:], strict=False))
    places = [place for place, (a, b) in enumerate(pairs) if a != b]
    if not places:
        return None
    place = draw.choice(places)
    a, b = pairs[place]
    return (*entry.phonemes[:place], b, a, *entry.phonemes[place + 2 :])


def _stress(*, keep: bool) -> Planting:
    """Return an error that puts primary stress on another vowel; with `keep` in addition."""

    def planting(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
        sounds, digits = zip(*map(stress.split, entry.phonemes), strict=True)
        primary = [place for place, digit in enumerate(digits) if digit == 1]
        others = [place for place, digit in enumerate(digits) if digit in (0, 2)]
        if not primary or not others:
            return None
        changed = list(digits)
        place = draw.choice(others)
        if not keep:
            changed[primary[0]] = digits[place]
        changed[place] = 1
        return stress.mark(sounds, changed)

    return planting


def _lose_stress(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    """Remove primary stress."""
    lost = tuple(phoneme.replace("1", draw.choice("02")) for phoneme in entry.phonemes)
    return lost if lost != entry.phonemes else None


def _next_line(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    """Take the pronunciation of the next line."""
    return after.phonemes if after.word != entry.word else None


def _ending(draw: random.Random, entry: Entry, after: Entry) -> Phonemes | None:
    """Give a possessive or plural an ending that does not fit its stem."""
    *stem, last = entry.phonemes
    if not entry.word.endswith(("'S", "S'", "S")) or entry.word.endswith("SS") or not stem:
        return None
    if last == "S":
        return (*stem, "Z")
    if last != "Z":
        return None
    if stress.split(stem[-1])[0] in _SIBILANT_ENDING and len(stem) > 1:
        return (*stem[:-1], "Z") if draw.random() < 0.5 else (*stem, "S")
    return (*stem, "S")


KINDS: Mapping[str, Planting] = {
    "substituted vowel": _substitute(VOWELS),
    "confused vowel": _confuse,
    "substituted consonant": _substitute(CONSONANTS),
    "dropped phone": _drop(ARPABET),
    "inserted phone": _insert,
    "swapped neighbours": _swap,
    "stress moved": _stress(keep=False),
    "stress doubled": _stress(keep=True),
    "missing vowel": _drop(VOWELS),
    "next line's pronunciation": _next_line,
    "wrong ending": _ending,
}
# Kinds that a rule detects with certainty. They are planted to fit weights, and not counted as
# found
RULE_KINDS: Mapping[str, Planting] = {"stress lost": _lose_stress}
