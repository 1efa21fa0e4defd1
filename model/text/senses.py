"""Choose the senses of homographs in a sentence, such as ``read``, present or past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from msgspec.structs import replace

from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.reader.reader import MODELS
from tanger.model.text.reader.token import Token

# Tags that begin or end a sentence, in SSML and in HTML
_BLOCK = re.compile(r"</?(?:s|p|speak|li|td|div|br|h[1-6])\b")
# Maximum number of tokens and words of a sentence; longer ones are cut.
_LONGEST = 256


@lru_cache(maxsize=1)
def homographs() -> HomographModel:
    """Return the homograph model that comes with tanger, loaded once."""
    return HomographModel.load(MODELS)


def with_senses(sentence: Sequence[Token], model: HomographModel) -> list[Token]:
    """Return a sentence's tokens, with the most probable sense and phonemes of each homograph.

    Args:
        sentence: tokens of one sentence.
        model: homograph model.
    """
    decided = list(sentence)
    places = [
        place
        for place, token in enumerate(sentence)
        if token.kind == "word" and len(token.words) == 1 and token.text.lower() in model.words
    ]
    if places:
        # The model only expects words and punctuation
        skipped = ("space", "markup")
        seen = [place for place, token in enumerate(sentence) if token.kind not in skipped]
        texts = [sentence[place].text for place in seen]
        for place in places:
            decided[place] = _decided(sentence[place], model, texts, seen.index(place))
    return decided


def sentences(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Split tokens into sentences; each includes the space after its full stop or its line end.

    Tags of paragraphs and sentences also end a sentence.
    """
    sentence: list[Token] = []
    ends = closed = False
    size = 0
    for token in tokens:
        block = token.kind == "markup" and _BLOCK.match(token.text) is not None
        opens = block and token.text[1] != "/"
        if opens or (closed and token.kind not in ("space", "markup")):
            if any(each.words for each in sentence):
                yield sentence
                sentence, ends, size = [], False, 0
            closed = False
        closed = closed or (block and not opens)
        sentence.append(token)
        size += 1 + len(token.words)
        if size >= _LONGEST or (token.kind == "space" and (ends or "\n" in token.text)):
            yield sentence
            sentence, ends, size = [], False, 0
        elif token.kind == "punctuation":
            ends = token.text[0] in ".!?…" or (ends and token.text[0] in "\"')]}”’»")
        elif token.kind not in ("space", "markup"):
            ends = False
    if sentence:
        yield sentence


def _decided(token: Token, model: HomographModel, texts: list[str], place: int) -> Token:
    word = token.words[0]
    senses = model.senses(texts, place)
    if not senses or word.phonemes is not None:
        return token
    best, *others = (
        replace(
            word, phonemes=sense.phonemes, sense=sense.name, sense_probability=sense.probability
        )
        for sense in senses
    )
    return replace(token, words=(replace(best, others=tuple(others)),))


# ------------------------------------------------------------------------------------------------
# Senses as lexicons label them.

# Parts of speech, and their abbreviations in the table's sense names and in tag sets.
_PARTS_OF_SPEECH = {
    "n": "noun", "nn": "noun", "nns": "noun", "nou": "noun", "nam": "noun", "np": "noun",
    "v": "verb", "vb": "verb", "vv": "verb", "vbd": "verb", "vbg": "verb", "vbn": "verb",
    "vbp": "verb", "vbz": "verb", "vvi": "verb", "vvd": "verb", "vvz": "verb", "vrb": "verb",
    "adj": "adjective", "a": "adjective", "jj": "adjective", "adv": "adverb", "rb": "adverb",
}  # fmt: skip


def matches(label: str, sense: str) -> bool:
    """Return whether a lexicon's label, or one of several separated by spaces, denotes a sense.

    A label is the name of the sense (``read_past``), the end of it (``past``), or its part of
    speech (``noun``, or a tag of the Penn Treebank or CLAWS tag set, such as ``NN``).

    Args:
        label: label in any case.
        sense: name of the sense in the homograph model.
    """
    name = sense.lower()
    kinds = name.rpartition("_")[2]
    named = {name, kinds, *map(_part_of_speech, (kinds, *kinds.split("-")))}
    return any(_part_of_speech(each) in named for each in label.lower().split())


def _part_of_speech(label: str) -> str:
    return _PARTS_OF_SPEECH.get(label, label)
