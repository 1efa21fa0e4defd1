"""Whole texts: their tokens, and how each word that is spoken of them is pronounced.

    text ─ TextReader ─> tokens ─ spoken_words ─> Resolver ─> results ─ assemble ─> PronouncedText

As in `text.pipeline`, decoding is left to the caller: the service does it in worker processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import WORD_SEPARATORS
from tanger.model.text.pipeline import Result, TextPhonemizer
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.segments import ReadWord, Source
from tanger.model.text.speller import WordError
from tanger.model.text.ssml import parse

# Kinds of tokens whose loss is worth a warning where no word comes from them.
_PASSED_OVER = frozenset({"emoji", "sign", "markup"})


class PronouncedWord(NamedTuple):
    """A word that is spoken, and how.

    Attributes:
        word: the word.
        result: how it is pronounced.
        others: of a homograph, how its other senses are.
    """

    word: SpokenWord
    result: Result
    others: tuple[Result, ...] = ()


class PronouncedToken(NamedTuple):
    """A token, and how its words are pronounced.

    Attributes:
        token: the token.
        words: that are spoken of it.
        warnings: what was changed, or passed over.
        error: why a word of it cannot be pronounced; the first, where there are several.
    """

    token: Token
    words: tuple[PronouncedWord, ...]
    warnings: tuple[str, ...]
    error: WordError | None


class PronouncedText(NamedTuple):
    """A text, read and pronounced.

    Attributes:
        text: as it was sent.
        spoken: its words in one line; what stands in capitals is said letter by letter.
        pronunciation: in one line; words by spaces, and by two where phonemes have them too.
        tokens: that cover the text.
    """

    text: str
    spoken: str
    pronunciation: str
    tokens: tuple[PronouncedToken, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings of all tokens, each once."""
        return tuple(dict.fromkeys(note for each in self.tokens for note in each.warnings))

    def to_dict(self, alphabet: Alphabet) -> dict[str, Any]:
        """The text as ``POST /text`` shows it."""
        return {
            "text": self.text,
            "spoken": self.spoken,
            "pronunciation": self.pronunciation,
            "tokens": [token_dict(each, alphabet) for each in self.tokens],
            "warnings": list(self.warnings),
        }


def read_words(tokens: Iterable[Token]) -> list[ReadWord]:
    """The distinct words of tokens, in the order in which they come first."""
    return list(dict.fromkeys(_read_words(tokens)))


def _read_words(tokens: Iterable[Token]) -> Iterator[ReadWord]:
    for token in tokens:
        for word in token.words:
            yield ReadWord.of(word, token)
            for other in word.others:
                yield ReadWord.of(other, token)


def assemble(
    text: str,
    sentences: Iterable[Sequence[Token]],
    results: Mapping[ReadWord, Result],
    alphabet: Alphabet,
    *,
    punctuation: bool = False,
) -> PronouncedText:
    """The text with the results of its words.

    Args:
        text: as it was sent.
        sentences: the tokens of the text.
        results: of each of `read_words`.
        alphabet: that they are written in.
        punctuation: whether the line of the pronunciation keeps it.
    """
    pronounced = tuple(
        each for sentence in sentences for each in pronounce_sentence(sentence, results, alphabet)
    )
    line = PronouncedLine(alphabet, punctuation=punctuation)
    line.add(pronounced)
    return PronouncedText(text, line.spoken, line.pronunciation, pronounced)


def pronounce_sentence(
    tokens: Sequence[Token], results: Mapping[ReadWord, Result], alphabet: Alphabet
) -> list[PronouncedToken]:
    """The tokens of a sentence with the results of their words.

    Args:
        tokens: of the sentence.
        results: of each of `read_words`.
        alphabet: that they are written in.
    """
    pronounced: list[PronouncedToken] = []
    before_vowel = False
    for token in reversed(tokens):  # weak forms hang on the word that follows
        each = _pronounced(token, results, before_vowel=before_vowel)
        if each.words:
            following = each.words[0].result.pronunciations
            before_vowel = bool(following) and notation.begins_with_vowel(
                following[0].phonemes, alphabet
            )
        pronounced.append(each)
    pronounced.reverse()
    return pronounced


def _pronounced(
    token: Token, results: Mapping[ReadWord, Result], *, before_vowel: bool
) -> PronouncedToken:
    words: list[PronouncedWord] = []
    for word in token.words:
        result = results[ReadWord.of(word, token)]
        others = tuple(results[ReadWord.of(other, token)] for other in word.others)
        if word.given_by == "weak_form":
            result, others = (others[0] if before_vowel else result), ()
        words.append(PronouncedWord(word, result, others))
    warnings: dict[str, None] = dict.fromkeys(token.warnings or ())
    if not words and token.kind in _PASSED_OVER and token.warnings is None:
        warnings[f"{token.text} -> nothing"] = None
    error = None
    for _, result, _ in words:
        warnings |= dict.fromkeys(result.warnings)
        error = error or result.error
    if token.kind == "sign" and not words:
        error = WordError("unspellable", f"{token.text} has no name in the table of signs")
    return PronouncedToken(token, tuple(words), tuple(warnings), error)


class PronouncedLine:
    """What is spoken of tokens and how that is pronounced, each in one line."""

    def __init__(self, alphabet: Alphabet, *, punctuation: bool = False) -> None:
        """Begin a line.

        Args:
            alphabet: that pronunciations are written in.
            punctuation: whether the line of the pronunciation keeps it.
        """
        self._alphabet = alphabet
        self._between = WORD_SEPARATORS.get(alphabet, "  ")
        self._punctuation = punctuation
        self._spoken: list[str] = []
        self._pieces: list[str] = []

    def add(self, tokens: Iterable[PronouncedToken]) -> None:
        """Go on with these tokens."""
        for each in tokens:
            if self._punctuation and each.token.kind == "punctuation":
                self._pieces.append(each.token.text)
                continue
            self._spoken += (word.shown for word in each.token.words)
            for _, result, _ in each.words:
                if result.pronunciations:
                    if self._pieces:
                        self._pieces.append(self._between)
                    self._pieces.append(result.pronunciations[0].text(self._alphabet))

    @property
    def spoken(self) -> str:
        """The words."""
        return " ".join(self._spoken)

    @property
    def pronunciation(self) -> str:
        """Their pronunciations."""
        return "".join(self._pieces)


def token_dict(each: PronouncedToken, alphabet: Alphabet) -> dict[str, Any]:
    """A token as ``POST /text`` shows it."""
    token = each.token
    return {
        "text": token.text,
        "start": token.start,
        "end": token.end,
        "kind": token.kind,
        "confidence": token.confidence,
        "spoken": token.spoken,
        "words": [_word_dict(word, token.confidence, alphabet) for word in each.words],
        "warnings": list(each.warnings),
        "error": None if each.error is None else each.error._asdict(),
    }


def rows(each: PronouncedToken, alphabet: Alphabet) -> Iterator[tuple[str, str, str, str]]:
    """A row for each word of a token: the word, its pronunciation, the token's kind, the token."""
    token = each.token
    for word, result, _ in each.words:
        best = result.pronunciations[0].text(alphabet) if result.pronunciations else ""
        yield word.shown, best, token.kind, token.text


def _word_dict(each: PronouncedWord, confidence: float, alphabet: Alphabet) -> dict[str, Any]:
    word, result, _ = each
    best = result.pronunciations[0] if result.pronunciations else None
    probability = None if best is None else best.probability
    return {
        "word": word.shown,
        "normalized": result.normalized,
        "source": result.source,
        "phonemes": list(best.phonemes) if best else [],
        "text": best.text(alphabet) if best else "",
        "probability": None
        if probability is None
        else round(confidence * word.chance * probability, 6),
        "alignment": None,
        "sense": _sense_dict(each, alphabet),
    }


def _sense_dict(each: PronouncedWord, alphabet: Alphabet) -> dict[str, Any] | None:
    if each.word.sense is None:
        return None
    return {
        "name": each.word.sense,
        "probability": round(each.word.chance, 6),
        "alternatives": [
            {
                "name": word.sense,
                "probability": round(word.chance, 6),
                "phonemes": list(best.phonemes) if best else [],
                "text": best.text(alphabet) if best else "",
            }
            for word, result in zip(each.word.others, each.others, strict=True)
            for best in (result.pronunciations[0] if result.pronunciations else None,)
        ],
    }


def pronounce_text(
    phonemizer: TextPhonemizer,
    text: str,
    *,
    source: Source = "auto",
    alphabet: Alphabet | None = None,
    stress: bool | None = None,
    punctuation: bool = False,
    weak_forms: bool = False,
    ssml: bool = False,
) -> PronouncedText:
    """Read a text and pronounce its words, as the service's ``POST /text`` does.

    Args:
        phonemizer: with an English artifact.
        text: anything.
        source: where pronunciations come from.
        alphabet: that they are written in; the artifact's own by default.
        stress: whether stress is written; by default in IPA and X-SAMPA alone.
        punctuation: whether the line of the pronunciation keeps it.
        weak_forms: whether small words are said as they are in a sentence.
        ssml: whether the text is a document of SSML.

    Raises:
        TextError: where the artifact is not English.
        SSMLError: where a document of SSML has a fault.
        AlphabetError, StressError: as `Pipeline.options`.
    """
    options = phonemizer.pipeline.options(source=source, alphabet=alphabet, stress=stress)
    resolver = phonemizer.pipeline.resolver
    phrases = resolver.phrases(source)
    document = parse(text) if ssml else text
    sentences = list(resolver.sentences(document, weak_forms=weak_forms, phrases=phrases))
    words = read_words(chain.from_iterable(sentences))
    results = phonemizer.word_results(words, options)
    return assemble(text, sentences, results, options.alphabet, punctuation=punctuation)
