"""Whole texts: their tokens, and how each word that is spoken of them is pronounced.

    text ─ TextReader ─> tokens ─ spoken_words ─> Resolver ─> results ─ assemble ─> PronouncedText

As in `text.pipeline`, decoding is left to the caller: the service does it in worker processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypedDict, Unpack

from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import WORD_SEPARATORS
from tanger.model.text.pipeline import Options, Result, TextPhonemizer
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.segments import ReadWord, Source
from tanger.model.text.speller import WordError
from tanger.model.text.ssml import parse

# Tokens that are decoded together in answers by the sentence, at first and at most.
_FIRST_PASSAGE = 64
_LONGEST_PASSAGE = 4096
# Characters of a token in each row of its words.
_SHOWN_IN_ROWS = 64
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
    """A row for each word of a token: the word, its pronunciation, the token's kind, the token.

    The beginning of the token, where it is long: a token of many words stands in many rows.
    """
    token = each.token
    shown = token.text
    if len(shown) > _SHOWN_IN_ROWS:
        shown = f"{shown[:_SHOWN_IN_ROWS]}..."
    for word, result, _ in each.words:
        best = result.pronunciations[0].text(alphabet) if result.pronunciations else ""
        yield word.shown, best, token.kind, shown


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
        "alignment": best.alignment.to_dict(best.phonemes) if best and best.alignment else None,
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


class TextOptions(TypedDict, total=False):
    """How a text is read and answered.

    Attributes:
        source: where pronunciations come from; ``auto`` by default.
        alphabet: that they are written in; the artifact's own by default.
        stress: whether stress is written; by default in IPA and X-SAMPA alone.
        punctuation: whether the line of the pronunciation keeps it.
        weak_forms: whether small words are said as they are in a sentence.
        ssml: whether the text is a document of SSML.
        alignment: whether pronunciations come with the letters of their phonemes.
    """

    source: Source
    alphabet: Alphabet | None
    stress: bool | None
    punctuation: bool
    weak_forms: bool
    ssml: bool
    alignment: bool


def pronounce_text(
    phonemizer: TextPhonemizer, text: str, **options: Unpack[TextOptions]
) -> PronouncedText:
    """Read a text and pronounce its words, as the service's ``POST /text`` does.

    Args:
        phonemizer: with an English artifact.
        text: anything.
        **options: see `TextOptions`.

    Raises:
        TextError: where the artifact is not English.
        SSMLError: where a document of SSML has a fault.
        AlphabetError, StressError, AlignmentError: as `Pipeline.options`.
    """
    checked, remaining = _begun(phonemizer, text, options)
    sentences = list(remaining)
    results = phonemizer.word_results(read_words(chain.from_iterable(sentences)), checked)
    punctuation = options.get("punctuation", False)
    return assemble(text, sentences, results, checked.alphabet, punctuation=punctuation)


def pronounce_sentences(
    phonemizer: TextPhonemizer, text: str, **options: Unpack[TextOptions]
) -> Iterator[PronouncedText]:
    """The same, sentence by sentence: the first ones are there before the last are decoded.

    Args:
        phonemizer: as `pronounce_text`.
        text: likewise.
        **options: likewise.

    Raises:
        Exception: as `pronounce_text`.
    """
    checked, sentences = _begun(phonemizer, text, options)
    punctuation = options.get("punctuation", False)
    for passage in map(list, passages(sentences)):
        words = read_words(chain.from_iterable(passage))
        results = phonemizer.word_results(words, checked)
        for sentence in passage:
            written = "".join(token.text for token in sentence)
            yield assemble(written, [sentence], results, checked.alphabet, punctuation=punctuation)


def passages(sentences: Iterator[list[Token]]) -> Iterator[Iterator[list[Token]]]:
    """Sentences that are decoded together: few at first, so that an answer begins soon.

    Args:
        sentences: are read when a passage is gone through, which is to be done before the next.
    """
    size = _FIRST_PASSAGE
    for sentence in sentences:
        yield _passage(sentence, sentences, size)
        size = min(_LONGEST_PASSAGE, 4 * size)


def _passage(
    first: list[Token], sentences: Iterator[list[Token]], size: int
) -> Iterator[list[Token]]:
    yield first
    tokens = len(first)
    while tokens < size and (sentence := next(sentences, None)) is not None:
        yield sentence
        tokens += len(sentence)


def _begun(
    phonemizer: TextPhonemizer, text: str, options: TextOptions
) -> tuple[Options, Iterator[list[Token]]]:
    checked = phonemizer.pipeline.options(
        source=options.get("source", "auto"),
        alphabet=options.get("alphabet"),
        stress=options.get("stress"),
        alignment=options.get("alignment", False),
    )
    resolver = phonemizer.pipeline.resolver
    sentences = resolver.sentences(
        parse(text) if options.get("ssml") else text,
        weak_forms=options.get("weak_forms", False),
        phrases=resolver.phrases(checked.source),
    )
    return checked, sentences
