"""Pronounce whole texts: read their tokens, and pronounce the spoken words of each.

    text ─ TextReader ─> tokens ─ spoken_words ─> Resolver ─> results ─ assemble ─> PronouncedText

As in `text.pipeline`, decoding is left to the caller: the service decodes in worker processes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypedDict, Unpack

from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.text.candidates import WORD_SEPARATORS
from tanger.model.text.pipeline import Options, Result
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.segments import ReadWord, Source
from tanger.model.text.speller import WordError
from tanger.model.text.ssml import parse
from tanger.model.text.text_phonemizer import TextPhonemizer

# Number of tokens decoded together when answering sentence by sentence: initial and maximum.
_FIRST_PASSAGE = 64
_LONGEST_PASSAGE = 4096
# Maximum characters of a token in each row of its words.
_SHOWN_IN_ROWS = 64
# Kinds of tokens that get a warning if they have no spoken words.
_SKIPPED = frozenset({"emoji", "sign", "markup"})


class PronouncedWord(NamedTuple):
    """A spoken word and its pronunciations.

    Attributes:
        word: the word.
        result: its pronunciations.
        others: for a homograph, its other senses and their pronunciations.
    """

    word: SpokenWord
    result: Result
    others: tuple[Result, ...] = ()


class PronouncedToken(NamedTuple):
    """A token and the pronunciations of its words.

    Attributes:
        token: the token.
        words: its spoken words.
        warnings: what was changed or ignored.
        error: why a word cannot be pronounced; the first error if there are several.
    """

    token: Token
    words: tuple[PronouncedWord, ...]
    warnings: tuple[str, ...]
    error: WordError | None


class PronouncedText(NamedTuple):
    """A text and its pronunciation.

    Attributes:
        text: text as sent.
        spoken: the spoken words in one line; those in capitals are read letter by letter.
        pronunciation: pronunciation in one line; words are separated by a space, or by two if
            phonemes are separated by one.
        tokens: tokens that cover the text.
    """

    text: str
    spoken: str
    pronunciation: str
    tokens: tuple[PronouncedToken, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """The distinct warnings of all tokens."""
        return tuple(dict.fromkeys(note for each in self.tokens for note in each.warnings))

    def to_dict(self, alphabet: Alphabet) -> dict[str, Any]:
        """Return the text as in the answer of ``POST /text``."""
        return {
            "text": self.text,
            "spoken": self.spoken,
            "pronunciation": self.pronunciation,
            "tokens": [token_dict(each, alphabet) for each in self.tokens],
            "warnings": list(self.warnings),
        }


def read_words(tokens: Iterable[Token]) -> list[ReadWord]:
    """Return the distinct words of tokens, in order of first occurrence."""
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
    """Combine a text with the results of its words.

    Args:
        text: text as sent.
        sentences: tokens of the text, by sentence.
        results: result of each of `read_words`.
        alphabet: alphabet of the results.
        punctuation: whether the pronunciation line keeps punctuation.
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
    """Combine the tokens of a sentence with the results of their words.

    Args:
        tokens: tokens of the sentence.
        results: result of each of `read_words`.
        alphabet: alphabet of the results.
    """
    pronounced: list[PronouncedToken] = []
    before_vowel = False
    for token in reversed(tokens):  # in reverse, because weak forms depend on the next word
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
        if word.phoneme_source == "weak_form":
            result, others = (others[0] if before_vowel else result), ()
        words.append(PronouncedWord(word, result, others))
    warnings: dict[str, None] = dict.fromkeys(token.warnings or ())
    if not words and token.kind in _SKIPPED and token.warnings is None:
        warnings[f"{token.text} -> nothing"] = None
    error = None
    for _, result, _ in words:
        warnings |= dict.fromkeys(result.warnings)
        error = error or result.error
    if token.kind == "sign" and not words:
        error = WordError("unspellable", f"{token.text} has no name in the table of signs")
    return PronouncedToken(token, tuple(words), tuple(warnings), error)


# Marks that stand directly after a word, also where some languages put a space between
_AFTER_WORDS = frozenset(".,;:!?…")


class PronouncedLine:
    """Builds the spoken words of tokens, and their pronunciation, as one line each."""

    def __init__(self, alphabet: Alphabet, *, punctuation: bool = False) -> None:
        """Create empty lines.

        Args:
            alphabet: alphabet of the pronunciations.
            punctuation: whether the pronunciation line keeps punctuation.
        """
        self._alphabet = alphabet
        self._between = WORD_SEPARATORS.get(alphabet, "  ")
        self._punctuation = punctuation
        self._spoken: list[str] = []
        self._pieces: list[str] = []
        # Whether a space was the last token, or a mark that the next word follows without a space
        self._spaced = True
        self._after_mark = False

    def add(self, tokens: Iterable[PronouncedToken]) -> None:
        """Append tokens."""
        for each in tokens:
            if self._punctuation and each.token.kind == "punctuation":
                # Quotes, brackets and dashes have spaces where the text has them
                if self._spaced and each.token.text[0] not in _AFTER_WORDS:
                    self._separate()
                self._pieces.append(each.token.text)
                self._spaced, self._after_mark = False, True
                continue
            if each.token.kind == "space":
                self._spaced = True
            self._spoken += (word.shown for word in each.token.words)
            for _, result, _ in each.words:
                if result.pronunciations:
                    if self._spaced or not self._after_mark:
                        self._separate()
                    self._pieces.append(result.pronunciations[0].text(self._alphabet))
                    self._spaced = self._after_mark = False

    def _separate(self) -> None:
        if self._pieces:
            self._pieces.append(self._between)

    @property
    def spoken(self) -> str:
        """The spoken words."""
        return " ".join(self._spoken)

    @property
    def pronunciation(self) -> str:
        """The pronunciation."""
        return "".join(self._pieces)


def token_dict(each: PronouncedToken, alphabet: Alphabet) -> dict[str, Any]:
    """Return a token as in the answer of ``POST /text``."""
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
    """Yield a row per word of a token: the word, its pronunciation, the token's kind, the token.

    Long tokens are cut, because a token of many words is repeated in many rows.
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
        else round(confidence * word.sense_probability * probability, 6),
        "alignment": best.alignment.to_dict(best.phonemes) if best and best.alignment else None,
        "sense": _sense_dict(each, alphabet),
    }


def _sense_dict(each: PronouncedWord, alphabet: Alphabet) -> dict[str, Any] | None:
    if each.word.sense is None:
        return None
    return {
        "name": each.word.sense,
        "probability": round(each.word.sense_probability, 6),
        "alternatives": [
            {
                "name": word.sense,
                "probability": round(word.sense_probability, 6),
                "phonemes": list(best.phonemes) if best else [],
                "text": best.text(alphabet) if best else "",
            }
            for word, result in zip(each.word.others, each.others, strict=True)
            for best in (result.pronunciations[0] if result.pronunciations else None,)
        ],
    }


class TextOptions(TypedDict, total=False):
    """Options for pronouncing a text.

    Attributes:
        source: where pronunciations come from; by default ``auto``.
        alphabet: alphabet of the pronunciations; by default the artifact's own.
        stress: whether stress is written; by default only in IPA and X-SAMPA.
        punctuation: whether the pronunciation line keeps punctuation.
        weak_forms: whether function words get their weak forms.
        ssml: whether the text is an SSML document.
        alignment: whether to return the letters of each phoneme.
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
        phonemizer: phonemizer with an artifact of a language that has a reader.
        text: plain text, or an SSML document.
        **options: see `TextOptions`.

    Raises:
        TextError: if there is no reader for the artifact's language.
        SSMLError: if an SSML document is not valid.
        AlphabetError, StressError, AlignmentError: see `Pipeline.options`.
    """
    checked, remaining = _begun(phonemizer, text, options)
    sentences = list(remaining)
    results = phonemizer.word_results(read_words(chain.from_iterable(sentences)), checked)
    punctuation = options.get("punctuation", False)
    return assemble(text, sentences, results, checked.alphabet, punctuation=punctuation)


def pronounce_sentences(
    phonemizer: TextPhonemizer, text: str, **options: Unpack[TextOptions]
) -> Iterator[PronouncedText]:
    """Pronounce a text sentence by sentence, yielding the first before the last are decoded.

    Args:
        phonemizer: see `pronounce_text`.
        text: see `pronounce_text`.
        **options: see `pronounce_text`.

    Raises:
        Exception: see `pronounce_text`.
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
    """Group sentences that are decoded together: few at first, for a fast first answer.

    Args:
        sentences: sentences, read lazily; consume each passage before requesting the next.
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
        parse(text, resolver.transcriptions) if options.get("ssml") else text,
        weak_forms=options.get("weak_forms", False),
        phrases=resolver.phrases(checked.source),
    )
    return checked, sentences
