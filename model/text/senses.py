"""Which sense of a homograph is meant: ``read`` in a sentence is present or past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tanger.model.text.homographs.model import HomographModel
from tanger.model.text.reader.token import Token

# Tags that begin or end a sentence, in SSML and in HTML
_BLOCK = re.compile(r"</?(?:s|p|speak|li|td|div|br|h[1-6])\b")
# Tokens and words of a sentence that are looked at together; a longer one is cut.
_LONGEST = 256


def with_senses(sentence: Sequence[Token], model: HomographModel) -> list[Token]:
    """The tokens of a sentence, its homographs with the likeliest sense and its sound.

    Args:
        sentence: one.
        model: decides.
    """
    decided = list(sentence)
    places = [
        place
        for place, token in enumerate(sentence)
        if token.kind == "word" and len(token.words) == 1 and token.text.lower() in model.words
    ]
    if places:
        # The model takes words and punctuation alone
        passed_over = ("space", "markup")
        seen = [place for place, token in enumerate(sentence) if token.kind not in passed_over]
        texts = [sentence[place].text for place in seen]
        for place in places:
            decided[place] = _decided(sentence[place], model, texts, seen.index(place))
    return decided


def sentences(tokens: Iterable[Token]) -> Iterator[list[Token]]:
    """Tokens by sentences: each with the space behind its full stop, or behind its line.

    Tags of paragraphs and sentences end one, too.
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
        word._replace(phonemes=sense.phonemes, sense=sense.name, chance=sense.probability)
        for sense in senses
    )
    return token._replace(words=(best._replace(others=tuple(others)),))


# ------------------------------------------------------------------------------------------------
# Senses as lexicons label them.

# How the names of senses in the table, and tags of parts of speech, abbreviate these.
_PARTS_OF_SPEECH = {
    "n": "noun", "nn": "noun", "nns": "noun", "nou": "noun", "nam": "noun", "np": "noun",
    "v": "verb", "vb": "verb", "vv": "verb", "vbd": "verb", "vbg": "verb", "vbn": "verb",
    "vbp": "verb", "vbz": "verb", "vvi": "verb", "vvd": "verb", "vvz": "verb", "vrb": "verb",
    "adj": "adjective", "a": "adjective", "jj": "adjective", "adv": "adverb", "rb": "adverb",
}  # fmt: skip


def matches(label: str, sense: str) -> bool:
    """Whether a lexicon's label, or one of several with spaces between, is of a sense.

    A label is the name of the sense (``read_past``), the end of it (``past``), or a part of speech
    that it has (``noun``, or a tag of the Penn Treebank's or of CLAWS, such as ``NN``).

    Args:
        label: in any case.
        sense: as the model of homographs names it.
    """
    name = sense.lower()
    kinds = name.rpartition("_")[2]
    named = {name, kinds, *map(_part_of_speech, (kinds, *kinds.split("-")))}
    return any(_part_of_speech(each) in named for each in label.lower().split())


def _part_of_speech(label: str) -> str:
    return _PARTS_OF_SPEECH.get(label, label)
