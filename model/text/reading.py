"""Read a typed word as a sequence of parts that can be pronounced one by one.

The text reader (`text.reader`) of the language expands numbers, signs, abbreviations and acronyms,
and splits at hyphens and spaces; a warning reports the expansion. In a language that has none, a
word is one part.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Callable, Collection, Sequence
from functools import lru_cache
from typing import NamedTuple

from tanger.model.lexicon.index import lexicon_key
from tanger.model.lexicon.phrases import Phrases
from tanger.model.phonology import notation
from tanger.model.text import derived_forms
from tanger.model.text.acronym_model import AcronymModel, LexiconAcronyms
from tanger.model.text.parts import NativeParts, Part, english_letters, marked
from tanger.model.text.phrases import with_phrases
from tanger.model.text.reader import languages
from tanger.model.text.reader.language import Language
from tanger.model.text.reader.reader import MODELS, TextReader
from tanger.model.text.reader.scan import Acronyms
from tanger.model.text.reader.tables import FOLDER
from tanger.model.text.reader.token import SpokenWord, Token
from tanger.model.text.senses import homographs, sentences, with_senses
from tanger.model.text.speller import Speller, Spelling, WordError, WordErrorCode
from tanger.model.text.transcriptions import ENGLISH, NativeTranscriptions, Transcriptions

# Maximum number of digits in one word; longer numbers are not read out.
MAX_DIGITS = 18
# Maximum number of parts of one word; only long runs of signs with long names exceed it.
MAX_PARTS = 128

Known = Callable[[str], bool]


class WordReading(NamedTuple):
    """How a word is read.

    Attributes:
        spelling: the typed word, its normalised form (the parts joined by hyphens), and warnings.
        parts: parts to pronounce in sequence; none if the spelling has an error.
        probability: probability that the reading is right, below 1 if a rule had to guess.
    """

    spelling: Spelling
    parts: tuple[Part, ...]
    probability: float = 1.0

    @property
    def spelt(self) -> bool:
        """Whether it is a single part that is read letter by letter."""
        return len(self.parts) == 1 and not self.parts[0].lexicon_first


class WordReader:
    """Reads words for one artifact.

    Attributes:
        speller: spells words in the artifact's graphemes.
        text: text reader; None if there is none for the artifact's language.
    """

    def __init__(
        self,
        graphemes: Collection[str],
        phonemes: Collection[str],
        *,
        longest: int = 64,
        look_up: Callable[[str], Sequence[Sequence[str]]] = lambda word: (),
        language: str = "en-US",
    ) -> None:
        """Create the reader of an artifact.

        Args:
            graphemes: graphemes of the artifact.
            phonemes: phonemes of the artifact; American English is read only if they are ARPAbet.
            longest: maximum number of characters in a word.
            look_up: returns a dictionary's pronunciations of a lower-case word, as evidence on
                acronyms.
            language: BCP 47 tag of the artifact's language.
        """
        bare = {phoneme.rstrip("012") for phoneme in phonemes}
        arpabet = bare == notation.ARPABET
        spells = frozenset(derived_forms.LETTERS) <= frozenset(graphemes)
        found = languages.find(language)
        self.text: TextReader | None = None
        if found is not None and (not found.arpabet or (arpabet and spells)):
            evidence = look_up if found.arpabet else _no_evidence
            model: Acronyms | None = None
            if found.code.startswith("en"):
                model = LexiconAcronyms(AcronymModel.load(MODELS), evidence)
            transcriptions: Transcriptions = ENGLISH
            if not found.arpabet:
                transcriptions = NativeTranscriptions(language, phonemes)
            self.text = TextReader(found, acronyms=model, transcriptions=transcriptions)
        accents = None if self.text is None else self.text.language.tables.accents
        self.speller = Speller(graphemes, longest=longest, accents=accents)
        self._native: NativeParts | None = None
        if self.text is not None and not self.text.language.arpabet:
            self._native = NativeParts(self.text.language, self.speller, phonemes)

    @property
    def language(self) -> Language | None:
        """The language whose texts are read; None if there is no reader for it."""
        return None if self.text is None else self.text.language

    @property
    def american(self) -> bool:
        """Whether the language is American English in ARPAbet, with all models and tables."""
        return self.text is not None and self.text.language.arpabet

    @property
    def revision(self) -> str:
        """A revision that changes whenever the reader's tables or models do."""
        return "" if self.text is None else reading_revision()

    def plain(self, word: str) -> str | None:
        """Return the text of a word that `read` makes one part without warnings, else None.

        This fast path applies to nearly all words.
        """
        if self.text is not None and not self.text.is_plain(word):
            return None
        return self.speller.plain(word)

    def read(
        self, word: str, known: Known = lambda spelt: False, phrases: Phrases | None = None
    ) -> WordReading:
        """Read one word. Never raises; an error is part of the returned reading.

        Args:
            word: word as typed.
            known: whether a lexicon has a word, in the artifact's graphemes, so that no rule needs
                to guess its pronunciation.
            phrases: lexicon entries that become one part as they stand.
        """
        spelling = self.speller.spell(word)
        if self.text is None:
            parts = () if spelling.normalized is None else (Part(spelling.normalized),)
            return WordReading(spelling, parts)
        if spelling.error is not None and spelling.error.code != "unspellable":
            return WordReading(spelling, ())
        typed = unicodedata.normalize("NFC", word).strip()
        if error := self._too_long(typed):
            return WordReading(spelling._replace(normalized=None, error=error), ())
        tokens = self.text.read(typed, known=lambda small: known(small.upper()))
        if phrases:
            tokens = list(with_phrases(tokens, phrases))
        if self.american and any(token.kind == "space" for token in tokens):
            model = homographs()
            tokens = [token for each in sentences(tokens) for token in with_senses(each, model)]
        if spelling.normalized is not None and _is_itself(tokens):
            itself = self.parts(tokens[0].words[0], by_rule=False)
            if not isinstance(itself, WordError):
                return WordReading(spelling, tuple(itself))
        return self._read_out(spelling, tokens)

    def parts(self, word: SpokenWord, *, by_rule: bool) -> Sequence[Part] | WordError:
        """Convert a spoken word to parts, or return why it cannot be spelt.

        Args:
            word: the word.
            by_rule: whether it is an expansion, as of a number or sign, whose words may be in a
                table of pronunciations.
        """
        if word.entry:
            return (Part(self.speller.cased(lexicon_key(word.text)), entry=True),)
        if word.language is not None:
            message = f"{word.text} is in the language {word.language}, which is not read here"
            return WordError("other_language", f"{message}: say it with <phoneme>")
        if self._native is not None and word.phonemes is None:
            return (
                self._native.of_letters(word.text)
                if word.letters
                else self._native.of_word(word.text)
            )
        if word.letters and word.text.isascii():  # only A to Z have known names
            return (english_letters(word.text),)
        part = self._spelt_part(word, self.speller.spell(word.text), by_rule=by_rule)
        return part if isinstance(part, WordError) else (part,)

    def _spelt_part(
        self, word: SpokenWord, spelling: Spelling, *, by_rule: bool
    ) -> Part | WordError:
        text, rule = spelling.normalized, word.phoneme_source
        if word.phonemes is not None and (text is not None or rule == "override"):
            part = Part(text or "", (word.phonemes,), False, rule, sense=word.sense)
            return _of_senses(part, word) if word.sense and word.others else part
        if spelling.normalized is None:
            return spelling.error or WordError("unspellable", "")
        if not by_rule or self.text is None:
            return marked(spelling.normalized, word.text, spelling)
        phonemes = self.text.language.tables.phonemes.get(word.text.lower())
        return Part(spelling.normalized, () if phonemes is None else (phonemes,))

    def _too_long(self, typed: str) -> WordError | None:
        longest = self.speller.longest
        if len(typed) > longest:
            return _too_long(f"the word has {len(typed)} characters, at most {longest} are read")
        digits = sum(map(str.isdecimal, typed))
        if digits > MAX_DIGITS:
            return _too_long(f"the word has {digits} digits, at most {MAX_DIGITS} are read")
        return None

    def _read_out(self, spelling: Spelling, tokens: Sequence[Token]) -> WordReading:
        """Return the reading of tokens that are more than a plain word."""
        warnings: dict[str, None] = {}
        if spelling.word != spelling.word.strip():
            warnings["surrounding spaces removed"] = None
        parts: list[Part] = []
        heard: list[str] = []
        for place, token in enumerate(tokens):
            found, notes, error = self._of_token(token)
            if error is not None:
                return WordReading(spelling._replace(normalized=None, error=error), ())
            inside = bool(parts) and any(each.words for each in tokens[place + 1 :])
            if found or not (inside and token.text.strip("-‐‑‒–— ") == ""):
                warnings |= dict.fromkeys(notes)
            if found:
                parts += found
                heard.append(token.text if token.kind == "word" else token.spoken)
        if not parts:
            return self._nothing(spelling)
        if len(parts) > MAX_PARTS:
            error = _too_long(f"the word is read as {len(parts)} words, at most {MAX_PARTS}")
            return WordReading(spelling._replace(normalized=None, error=error), ())
        if len(heard) > 1:
            warnings[f"read in parts: {', '.join(heard)}"] = None
        normalized = "-".join(part.text for part in parts)
        return WordReading(
            Spelling(spelling.word, normalized, tuple(warnings), None),
            tuple(parts),
            math.prod(token.confidence for token in tokens if token.words),
        )

    def _of_token(self, token: Token) -> tuple[list[Part], list[str], WordError | None]:
        """Return the parts of a token, its warnings, and its error, if any."""
        if not token.words:
            shown = token.text.strip()
            if shown and not shown.isprintable():
                shown = repr(shown)
            return [], [f"{shown} -> nothing"] if shown else [], None
        parts: list[Part] = []
        for word in token.words:
            found = self.parts(word, by_rule=token.kind != "word")
            if isinstance(found, WordError):
                return [], [], found
            parts += found
        senses = [
            f"{word.text}: sense {word.sense} by context" for word in token.words if word.sense
        ]
        if senses:
            return parts, senses, None
        if token.spoken != token.text.lower():
            return parts, [_shown(token), *(token.warnings or ())], None
        return parts, list(self.speller.spell(token.text).warnings), None

    def _nothing(self, spelling: Spelling) -> WordReading:
        """Return the reading of a word without anything to pronounce."""
        if spelling.error is not None:
            return WordReading(spelling._replace(normalized=None), ())
        error = WordError("empty", "there is no letter to pronounce")
        return WordReading(spelling._replace(normalized=None, error=error), ())


def _of_senses(part: Part, word: SpokenWord) -> Part:
    """Return the part of a homograph with the pronunciations of all its senses."""
    senses = (word, *word.others)
    return part._replace(
        pronunciations=tuple(each.phonemes or () for each in senses),
        probabilities=tuple(each.sense_probability for each in senses),
    )


@lru_cache(maxsize=1)
def reading_revision() -> str:
    """Return a digest of the text reader's tables and models."""
    digest = hashlib.sha256()
    for path in (*sorted(FOLDER.rglob("*.t*")), *sorted(MODELS.iterdir())):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _no_evidence(word: str) -> Sequence[Sequence[str]]:
    return ()


def _is_itself(tokens: Sequence[Token]) -> bool:
    """Return whether the tokens are a single unchanged word."""
    if len(tokens) != 1 or len(tokens[0].words) != 1:
        return False
    word = tokens[0].words[0]
    same = word.text.lower() == tokens[0].text.lower().replace("’", "'")
    return same and not word.letters and word.phonemes is None


def _shown(token: Token) -> str:
    """Return the warning about the expansion of a token."""
    if len(token.words) == 1 and token.words[0].letters:
        letters = token.words[0].text
        if len(letters) == 1:
            return f"{token.text} -> the letter {letters}"
        return f"{token.text} -> {_apart(letters)}, letter by letter"
    spoken = " ".join(
        _apart(word.text) if word.letters else word.text.lower() for word in token.words
    )
    return f"{token.text} -> {spoken}"


def _apart(letters: str) -> str:
    """Put spaces between letters: ``PRs`` as ``P Rs``."""
    bare = letters.rstrip("s'")
    return " ".join(bare) + letters[len(bare) :]


def _too_long(message: str) -> WordError:
    code: WordErrorCode = "too_long"
    return WordError(code, message)
