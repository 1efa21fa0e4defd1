"""Split the dictionary of a language into folds, and choose what to train and to evaluate on.

A word's fold is permanent (see `english.folds`). The 20,000 most frequent words of a language are
always for training, and evaluated separately.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from tanger.model.english.folds import fold
from tanger.model.english.sources import entries
from tanger.model.languages.definition import Definition, Pronunciation
from tanger.model.lexicon import Entry

EXEMPT = 20_000
# Largest numbers of words: to choose an epoch on, to calibrate on, and to evaluate on
_DEV, _CALIBRATION, _TEST = 2_000, 3_000, 10_000
_FREQUENT = 5_000
# A test word is unlike the training words if none begins with as many of its letters
_STEM = 5


@dataclass(frozen=True)
class Split:
    """Lexicons of a language. Only those for training have words several times.

    Attributes:
        train: the training lexicon, with the preferred pronunciation of a word.
        converted: words of another accent for the first training, once each.
        dev: words to choose the best epoch on.
        calibration: words to calibrate on: others of the dev fold, and as many frequent ones.
        test: words of the test fold, drawn by a hash.
        unlike: those of `test` whose first five letters begin no training word.
        frequent: the 20,000 most frequent words.
        commonest: the 5,000 most frequent words.
        fold_sizes: number of words of each fold.
    """

    train: list[Entry]
    converted: list[Entry]
    dev: list[Entry]
    calibration: list[Entry]
    test: list[Entry]
    unlike: list[Entry]
    frequent: list[Entry]
    commonest: list[Entry]
    fold_sizes: dict[str, int]

    @property
    def lexicons(self) -> dict[str, list[Entry]]:
        """The lexicons by name."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "fold_sizes"}


def ranked(words: Iterable[str]) -> list[str]:
    """Return words by falling frequency in the spelling of the dictionaries, each once."""
    return list(
        dict.fromkeys(
            unicodedata.normalize("NFC", word).lower().replace("\u2019", "'") for word in words
        )
    )


def split(
    words: Mapping[str, Sequence[Pronunciation]],
    language: Definition,
    order: Sequence[str],
    cmudict: Collection[str] = (),
    *,
    unmeasured: Collection[str] = (),
    converted: Mapping[str, Sequence[Pronunciation]] | None = None,
    count: int | None = None,
) -> Split:
    """Split a dictionary.

    Args:
        words: pronunciations by word, in lower case, the preferred one first.
        language: its definition.
        order: words of the language by falling frequency, from `ranked`.
        cmudict: words of CMUdict 0.7b in upper case, if the language's rule of folds needs them.
        unmeasured: words for training alone; those of other folds are left out.
        converted: pronunciations by word from another accent; those of the train fold are kept.
        count: largest number of words to train on, if not that of the definition.
    """
    known = set(cmudict) if language.known == "cmudict" else set(map(str.upper, order[:EXEMPT]))
    folds: dict[str, list[str]] = {"train": [], "dev": [], "test": []}
    for word in words:
        if (name := fold(word, known)) == "train" or word not in unmeasured:
            folds[name].append(word)
    # No held-out word is trained on in another spelling
    trained = {language.respelled(word) for word in folds["train"]} if language.respell else set()
    for name in ("dev", "test"):
        folds[name] = [word for word in folds[name] if language.respelled(word) not in trained]
    listed = [word for word in order if word in words]
    chosen = _chosen(folds["train"], listed, count or language.words)
    train = {word: words[word] for word in chosen}
    frequent = [word for word in listed if word in train][:EXEMPT]
    learnt = {symbol for ways in train.values() for symbol in ways[0]}
    letters = frozenset().union(*train)
    known_sounds = {
        word: [way for way in ways if learnt.issuperset(way)] if letters.issuperset(word) else []
        for word, ways in words.items()
    }
    held = {
        name: [word for word in sorted(folds[name], key=_digest) if known_sounds[word]]
        for name in ("dev", "test")
    }
    stems = {word[:_STEM] for word in train}
    test = held["test"][:_TEST]
    dev = min(_DEV, len(held["dev"]) * 2 // 3)
    held_out = held["dev"][dev : dev + _CALIBRATION]
    sampled = sorted(frequent, key=_digest)[: len(held_out)]
    return Split(
        train=entries(train, frequent, language.repeats, preferred_alone=True),
        converted=[
            Entry(word, ways[0])
            for word, ways in (converted or {}).items()
            if fold(word, known) == "train" and learnt.issuperset(ways[0])
        ],
        dev=_entries(held["dev"][:dev], known_sounds),
        calibration=_entries([*held_out, *sampled], known_sounds),
        test=_entries(test, known_sounds),
        unlike=_entries([word for word in test if word[:_STEM] not in stems], known_sounds),
        frequent=_entries(frequent, known_sounds),
        commonest=_entries(frequent[:_FREQUENT], known_sounds),
        fold_sizes={name: len(of_fold) for name, of_fold in folds.items()},
    )


def _chosen(train: Sequence[str], listed: Sequence[str], count: int) -> list[str]:
    """Choose training words: two thirds by frequency, the others by a hash."""
    if len(train) <= count:
        return list(train)
    candidates = set(train)
    by_frequency = [word for word in listed if word in candidates][: count * 2 // 3]
    others = sorted(candidates.difference(by_frequency), key=_digest)
    return [*by_frequency, *others[: count - len(by_frequency)]]


def _entries(
    words: Iterable[str], pronunciations: Mapping[str, Sequence[Pronunciation]]
) -> list[Entry]:
    return [Entry(word, way) for word in words for way in pronunciations[word]]


def _digest(word: str) -> bytes:
    return hashlib.blake2b(word.encode(), digest_size=8).digest()
