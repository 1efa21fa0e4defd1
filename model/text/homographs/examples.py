"""Training examples for the homograph model: labelled sentences and parts of speech.

The labelled sentences are WikipediaHomographData (Gorman, Mazovetskiy and Nikolaev, LREC 2018) and,
because an encyclopedia hardly has *nail polish* or *have you read it*, everyday ones of our own in
``sentences.tsv``.
The parts of speech are from the ISLE dictionary of the package pysle: words of the same sentences
to which it gives a single part of speech show the contexts of nouns, verbs and adjectives in
general.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tanger.model.text import TableError
from tanger.model.text.homographs import features
from tanger.model.text.homographs.everyday import Form, Variants
from tanger.model.text.homographs.model import scopes_of
from tanger.model.text.homographs.table import SenseEntry

Integers = npt.NDArray[np.int64]

# Weights, relative to a labelled sentence, of an example of a part of speech, and of a variant
SPEECH_WEIGHT = 0.2
VARIANT_WEIGHT = 0.6
# Maximum examples per word
_SPEECH_EXAMPLES = 20

_MARKED = re.compile(r"([^\t]+)\t([^\[\]]*)\[([^\[\]]+)\]([^\[\]]*)")
_ISLE_LINE = re.compile(r"([a-z']+)\(([^)]*)\)")
# Penn tags, the scopes of words with no other tag, and the scopes to distinguish them from
_SPEECH: tuple[tuple[frozenset[str], tuple[str, ...], tuple[str, ...]], ...] = (
    (frozenset({"nns"}), ("noun", "noun-s"), ("verb", "verb-s")),
    (frozenset({"vbz"}), ("verb", "verb-s"), ("noun", "noun-s")),
    (frozenset({"nn"}), ("noun",), ("verb",)),
    (frozenset({"vb", "vbp"}), ("verb",), ("noun",)),
    (frozenset({"vb", "vbp"}), ("present",), ("past",)),
    (frozenset({"vbd", "vbn"}), ("past",), ("present",)),
    (frozenset({"jj"}), ("adjective",), ("verb",)),
    (frozenset({"jj"}), ("adjective",), ("noun",)),
    (frozenset({"nn"}), ("noun",), ("adjective",)),
)


class Sentence(NamedTuple):
    """A labelled sentence: its words and punctuation, the index of the homograph, and its sense."""

    word: str
    sense: str
    words: list[str]
    place: int


@dataclass(frozen=True, slots=True)
class Example:
    """A choice between senses.

    Attributes:
        slots: table indices of the weights, for each sense.
        log_prior: log prior of each sense.
        gold: index of the correct sense.
        weight: weight of the example.
        variants: the same choice in everyday variants of the sentence; they are for training alone.
    """

    slots: list[Integers]
    log_prior: list[float]
    gold: int
    weight: float = 1.0
    variants: tuple[Example, ...] = ()


def read_sentences(path: Path) -> list[Sentence]:
    """Read the sentences of a file of WikipediaHomographData, whose offsets are in bytes."""
    sentences = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            text = row["sentence"].encode()
            start, end = int(row["start"]), int(row["end"])
            before = features.tokenize(text[:start].decode())
            after = features.tokenize(text[end:].decode())
            words = [*before, text[start:end].decode(), *after]
            sentences.append(Sentence(row["homograph"], row["wordid"], words, len(before)))
    return sentences


def read_marked_sentences(path: Path, senses: Mapping[str, Sequence[SenseEntry]]) -> list[Sentence]:
    """Read a file of senses and sentences, in which the word of the sense stands in brackets.

    Raises:
        TableError: at the first line that is not of this form, or with a sense that is unknown.
    """
    words = {entry.name: word for word, entries in senses.items() for entry in entries}
    sentences = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if line.startswith("#"):
            continue
        match = _MARKED.fullmatch(line)
        if match is None or words.get(match[1]) != match[3].lower():
            raise TableError(path, number, "expected a sense and a sentence with its word in []")
        before, after = map(features.tokenize, (match[2], match[4]))
        tokens = [*before, match[3], *after]
        sentences.append(Sentence(words[match[1]], match[1], tokens, len(before)))
    return sentences


def read_parts_of_speech(path: Path) -> dict[str, frozenset[str]]:
    """Read the Penn tags, in lower case, of each word in the ISLE dictionary."""
    tags: dict[str, set[str]] = {}
    with path.open(encoding="utf-8") as file:
        for line in file:
            if match := _ISLE_LINE.match(line):
                found = (tag.strip() for tag in match[2].split(","))
                tags.setdefault(match[1], set()).update(
                    tag.partition("_")[0] for tag in found if tag and not tag.startswith("+")
                )
    return {word: frozenset(found) for word, found in tags.items()}


def trained_words(
    senses: dict[str, list[SenseEntry]], sentences: Iterable[Sentence]
) -> frozenset[str]:
    """Return words with two or more senses in the sentences; they get weights of their own."""
    seen = Counter(sentence.sense for sentence in sentences)
    return frozenset(
        word
        for word, entries in senses.items()
        if sum(seen[entry.name] > 0 for entry in entries) >= 2
    )


def sense_examples(
    sentences: Iterable[Sentence],
    senses: dict[str, list[SenseEntry]],
    trained: Collection[str],
) -> list[Example]:
    """Return an example for each sentence."""
    variants = Variants()
    examples = []
    for sentence in sentences:
        entries = senses[sentence.word]
        scopes = [scopes_of(entry, sentence.word in trained) for entry in entries]
        log_prior = [float(np.log(entry.prior)) for entry in entries]
        gold = [entry.name for entry in entries].index(sentence.sense)
        form = _form(entries[gold].scopes)
        varied = variants.of(sentence.words, sentence.place, form) if form else ()
        slots, *others = (
            [_slots(context, each) for each in scopes]
            for words, place in ((sentence.words, sentence.place), *varied)
            for context in (features.context(words, place),)
        )
        more = tuple(Example(each, log_prior, gold, VARIANT_WEIGHT) for each in others)
        examples.append(Example(slots, log_prior, gold, variants=more))
    return examples


def speech_examples(
    sentences: Iterable[Sentence], tags: dict[str, frozenset[str]]
) -> list[Example]:
    """Return examples of parts of speech: lower-case words with a single tag in the dictionary."""
    count: Counter[str] = Counter()
    variants = Variants()
    examples = []
    different = {tuple(sentence.words): sentence for sentence in sentences}
    for sentence in different.values():
        for place, word in enumerate(sentence.words):
            kinds = _speech(tags.get(word)) if len(word) > 2 and word.islower() else []
            if not kinds or count[word] >= _SPEECH_EXAMPLES:
                continue
            count[word] += 1
            for scopes in kinds:
                form = _form(scopes[0])
                varied = variants.of(sentence.words, place, form) if form else ()
                for words, at in ((sentence.words, place), *varied):
                    context = features.context(words, at)[1:]  # without the constant
                    slots = [_slots(context, [f"/{scope}" for scope in names]) for names in scopes]
                    examples.append(Example(slots, [0.0, 0.0], 0, SPEECH_WEIGHT))
    return examples


def _speech(tags: frozenset[str] | None) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return the scopes of a word with these tags, each with those to distinguish it from."""
    return [(own, others) for group, own, others in _SPEECH if tags and tags <= group]


def _form(scopes: Sequence[str]) -> Form | None:
    """Return the form of words with these scopes; None if they have no variants."""
    if "verb-s" in scopes:
        return None
    if "past" in scopes:
        return "past"
    return "base" if "verb" in scopes or "present" in scopes else "other"


def _slots(context: Sequence[bytes], scopes: Iterable[str]) -> Integers:
    places = [s for scope in scopes for s in features.slots(context, features.seed(scope))]
    return np.array(places, np.int64)
