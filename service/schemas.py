"""Models of requests, responses and problems, as shown in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, FailFast, Field
from typing_extensions import TypeAliasType

from tanger.model.decoding.hypothesis import MAX_NBEST
from tanger.model.phonology import notation
from tanger.model.text import lookup, segments, speller, variants
from tanger.model.text.reader import token

# Type aliases are separate schemas in the OpenAPI document, so that generated clients name them
Alphabet = TypeAliasType("Alphabet", notation.Alphabet)
Source = TypeAliasType("Source", segments.Source)
Answerer = TypeAliasType("Answerer", segments.Answerer)
OriginSource = TypeAliasType("OriginSource", segments.SegmentSource)
Rule = TypeAliasType("Rule", lookup.Rule)
Order = TypeAliasType("Order", variants.Order)
WordErrorCode = TypeAliasType("WordErrorCode", speller.WordErrorCode)
TokenKind = TypeAliasType("TokenKind", token.Kind)
ProbeStatus = TypeAliasType(
    "ProbeStatus", Literal["ok", "starting", "draining", "no worker", "wrong answers"]
)


class Options(BaseModel):
    """Options of a request for words, which are the query parameters of the GET route."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source | None = Field(
        None,
        description="Where pronunciations come from: `model`, the network; `lexicon`, people's own "
        "words and dictionaries; `auto`, these where they have the word, else the network. By "
        "default as the service is set, which is `model` unless somebody changed it.",
    )
    alphabet: Alphabet | None = Field(
        None,
        description="How phonemes are written: `arpabet` (`T AE NG ER`), `ipa` (`ˈtæŋɚ`), "
        '`x-sampa` (`"t{N@\\``), `cntk` (`~T ~AE ~NG ~ER`), or `native` for an artifact whose '
        "phonemes are not ARPAbet; where these are IPA, `ipa` too. By default the artifact's own, "
        "which is `arpabet` for American English.",
    )
    stress: bool | None = Field(
        None,
        description="Write stress: in `arpabet` behind vowels (`AE1` primary, `AE2` secondary, "
        "`AE0` none), in `ipa` and `x-sampa` where the stressed syllable begins. By default `ipa` "
        "and `x-sampa` have it where the artifact knows it, and `arpabet` does not, unless the "
        "artifact's phonemes carry it themselves. Every vowel has its digit then, and nothing else "
        "one. The vowels of `ipa` and `x-sampa` (`ə` or `ʌ`, `ɚ` or `ɝ`) hang on it either way.",
    )
    n: int = Field(
        1,
        ge=1,
        le=MAX_NBEST,
        description="Most pronunciations a word, the likeliest first. What is answered to 1 is "
        "always among them. Their probabilities sum to 1 at most.",
    )

    alignment: bool = Field(False, description="Say which letters made which phoneme.")
    explain: bool = Field(
        False, description="Say of every word which lexicon, rule or network answered."
    )


class PronounceRequest(Options):
    """Words to pronounce."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"words": ["tanger", "Ångström", "42", "日本"]}]}
    )

    # Stop at the first invalid item: a megabyte can contain half a million
    words: Annotated[list[str], FailFast()] = Field(
        min_length=1, description="The words, at most as many as `/info` says (256 by default)."
    )


class TextOptions(BaseModel):
    """Options of a request for a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source = Field(
        "auto",
        description="Where pronunciations come from, as in `/pronounce`: dictionaries first here.",
    )
    alphabet: Alphabet | None = Field(None, description="As in `/pronounce`.")
    stress: bool | None = Field(None, description="As in `/pronounce`.")
    alignment: bool = Field(
        False,
        description="Say which letters made which phoneme, in JSON and JSON Lines: an answer is "
        "several times as long then.",
    )
    punctuation: bool = Field(
        False, description="Keep punctuation in the line of the pronunciation."
    )
    weak_forms: bool = Field(
        False,
        description="Say small words as they are said in a sentence, `the` and `to` by the sound "
        "that follows: `AH0 V` for *of*, unless it ends a sentence, is quoted, or in capitals.",
    )
    ssml: bool = Field(
        False,
        description="The text is a document of SSML: `phoneme`, `sub`, `say-as`, `lang`, `p`, `s`, "
        "`w` and `break` count; `prosody`, `voice`, `emphasis`, `audio` and `mark` are passed over "
        "with a warning. Offsets are in the document.",
    )


class TextRequest(TextOptions):
    """A text to read and pronounce."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Dr. Smith read 3 books on Elm St. in 1984."}]}
    )

    text: str = Field(description="The text, of at most `limits.text` characters (see `/info`).")


class AlignedPhoneme(BaseModel):
    """A phoneme and its letters: `letters[start:end]`."""

    phoneme: str = Field(description="In the alphabet that was asked for.")
    start: int
    end: int
    probability: float = Field(
        description="Of this phoneme given those before it, as the network gives it."
    )


class Alignment(BaseModel):
    """The letters of each phoneme.

    Silent letters belong to the preceding phoneme, or to the first at the beginning of a word.
    Phonemes of a single letter (the `K` and the `S` of an `X`) share it.
    """

    letters: tuple[str, ...] = Field(
        description="The word in the artifact's graphemes, with hyphens between words."
    )
    phonemes: tuple[AlignedPhoneme, ...]
    attention: tuple[tuple[float, ...], ...] = Field(
        description="How much the network looked at each letter while it said each phoneme: a row "
        "a phoneme, each with the sum 1."
    )


class Pronunciation(BaseModel):
    """A pronunciation of a word."""

    phonemes: tuple[str, ...] = Field(
        min_length=1, description="In the alphabet that was asked for; at least one."
    )
    text: str = Field(
        description="The phonemes, with a space between two, and two spaces between words where "
        "several were read; in `ipa` and `x-sampa` with a space between words alone, and a "
        "syllable break where two phonemes would read as one."
    )
    probability: float | None = Field(
        description="Chance that the pronunciation is right. The artifacts that come with tanger "
        "were calibrated on dictionary words alone, which training did not hold: for a made-up "
        "word, a misspelling, a string of letters or a foreign word it is too high. For an "
        "artifact that was not calibrated, it is the product of the step probabilities. Null where "
        "a lexicon answered."
    )
    complete: bool = Field(description="False where decoding hit its length bound.")
    alignment: Alignment | None = Field(
        description="Null unless it was asked for, and for words with letters that the network "
        "does not read or, in parts, with more letters than a word may have. What a lexicon or a "
        "rule answered is aligned by the network, too."
    )


class WordError(BaseModel):
    """The reason why a word has no pronunciation."""

    code: WordErrorCode
    message: str


class Origin(BaseModel):
    """The origin of a pronunciation, or of a part of one."""

    source: OriginSource | None = Field(
        description="What answered; a `rule` of the reader's needs neither a lexicon nor the "
        "network. Null where nothing did."
    )
    lexicon: str | None = Field(description="Name of the lexicon that answered.")
    rank: int | None = Field(
        description="Place of that lexicon in the order in which they are asked; the first is 1."
    )
    rule: Rule | None = Field(
        description="`number`: a number or sign read out; `letters`: spelt letter by letter; "
        "`table`: a table says how this part sounds, as RE in re-enter; `weak_form`: a small word "
        "as it is said in a sentence, in texts alone; `derived`: a possessive "
        "or plural made of its stem."
    )
    stem: str | None = Field(description="What `derived` made it of.")
    order: Order | None = Field(
        description="How the variants of that lexicon are ordered: `network`, by the network's "
        "ranking; `lexicon`, as they stand there."
    )


class ExplainedPart(Origin):
    """The origin of a part of a word's pronunciation."""

    text: str = Field(description="In the artifact's own graphemes.")


class Explanation(Origin):
    """The origin of a word's pronunciation; `parts` has that of each part if they differ."""

    parts: tuple[ExplainedPart, ...] = Field(
        description="What the word was read as: itself, or `FORTY` and `TWO`."
    )


class Result(BaseModel):
    """The result for a word."""

    word: str = Field(description="The word as it was sent.")
    normalized: str | None = Field(
        description="The word in the artifact's own graphemes; where it was read out in parts, "
        "these, joined by hyphens: `FORTY-TWO`."
    )
    source: Answerer | None = Field(
        description="`override` for what stands in the text itself, `user` for people's own words, "
        "`lexicon` for a dictionary, `model` for the network, even if it said but one of the parts."
    )
    pronunciations: tuple[Pronunciation, ...] = Field(
        description="At most `n`: a lexicon's, in its order, or the network's."
    )
    warnings: tuple[str, ...] = Field(
        description="What was changed or read out on the way: `é -> E`, `42 -> forty two`."
    )
    error: WordError | None
    explain: Explanation | None = Field(description="Null unless it was asked for.")


class OtherSense(BaseModel):
    """A less likely sense of a homograph."""

    name: str
    probability: float
    phonemes: tuple[str, ...] = Field(description="How the word is pronounced then.")
    text: str = Field(description="The phonemes in one text.")


class Sense(BaseModel):
    """The most likely sense of a homograph."""

    name: str
    probability: float
    alternatives: tuple[OtherSense, ...] = Field(description="All others, the likeliest first.")


class TextWord(BaseModel):
    """A spoken word, and its most likely pronunciation."""

    word: str = Field(description="In capitals, a plural's s aside, what is read by letters.")
    normalized: str | None = Field(description="The word in the artifact's own graphemes.")
    source: Answerer | None = Field(description="As in `/pronounce`; null where there is none.")
    phonemes: tuple[str, ...] = Field(description="None where there is an error.")
    text: str = Field(description="The phonemes in one text.")
    probability: float | None = Field(
        description="Chance that the reading and the pronunciation are right. Null where a lexicon "
        "answered."
    )
    alignment: Alignment | None = Field(description="As in `/pronounce`.")
    sense: Sense | None = Field(description="Which sense of a homograph is meant; else null.")


class TextToken(BaseModel):
    """A token of a text."""

    text: str
    start: int = Field(description="Offset of its first character (code point) in the text.")
    end: int = Field(description="Offset behind its last.")
    kind: TokenKind
    confidence: float = Field(description="How often a reading of this kind is right.")
    spoken: str = Field(description="Its words in one line.")
    words: tuple[TextWord, ...]
    warnings: tuple[str, ...]
    error: WordError | None = Field(description="Why a word of it has no pronunciation.")


class ModelName(BaseModel):
    """Name and version of the model."""

    name: str
    version: str = Field(description="First 12 hexadecimal digits of the weights' sha256.")


def _example(word: str, normalized: str, text: str, probability: float, *warnings: str) -> Result:
    """Return an example of a result of the network."""
    pronunciation = Pronunciation(
        phonemes=tuple(text.split()),
        text=text,
        probability=probability,
        complete=True,
        alignment=None,
    )
    return Result(
        word=word,
        normalized=normalized,
        source="model",
        pronunciations=(pronunciation,),
        warnings=warnings,
        error=None,
        explain=None,
    )


_UNSPELLABLE = Result(
    word="日本",
    normalized=None,
    source=None,
    pronunciations=(),
    warnings=(),
    error=WordError(
        code="unspellable",
        message="日 (CJK UNIFIED IDEOGRAPH-65E5) is none of the letters this artifact reads: "
        "'ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ),
    explain=None,
)
_EXAMPLES = (
    _example("Ångström", "ANGSTROM", "AE NG S T R AH M", 0.61, "Å -> A", "ö -> O"),
    _example("42", "FORTY-TWO", "F AO R T IY  T UW", 0.8456, "42 -> forty two"),
    _UNSPELLABLE,
)


class PronouncedSentence(BaseModel):
    """A pronounced text, or a sentence of one."""

    text: str = Field(description="As it was sent.")
    spoken: str = Field(description="Its words in one line.")
    pronunciation: str = Field(
        description="Its pronunciation in one line: words apart by a space, by two where phonemes "
        "are apart by one."
    )
    tokens: tuple[TextToken, ...] = Field(description="They cover the text, spaces among them.")
    warnings: tuple[str, ...] = Field(description="Those of all tokens, each once.")


class TextResponse(PronouncedSentence):
    """A pronounced text, and the model."""

    model: ModelName


class PronounceResponse(BaseModel):
    """Results for the words, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": {"name": "en-us", "version": "0123456789ab"},
                    "results": [example.model_dump(mode="json") for example in _EXAMPLES],
                }
            ]
        }
    )

    model: ModelName
    results: tuple[Result, ...]


class Probe(BaseModel):
    """State of the service, for probes."""

    status: ProbeStatus
    workers: int = Field(description="Decoding processes that are ready.")


class Limits(BaseModel):
    """Limits of a request's size and time."""

    words: int
    letters: int
    text: int = Field(description="Characters of a text.")
    body_bytes: int
    queue_letters: int = Field(
        description="Letters of work: all that waits, and a single request with all that it asks "
        "for, may be so much."
    )
    response_bytes: int = Field(description="Of an answer, by an estimate before it is made.")
    timeout_seconds: float
    max_timeout_seconds: float


class LexiconInfo(BaseModel):
    """A lexicon that `source: lexicon` and `auto` use."""

    name: str
    words: int


class Info(BaseModel):
    """The model, its devices, settings and measured error rates."""

    model: ModelName
    graphemes: tuple[str, ...]
    phonemes: tuple[str, ...]
    alphabets: tuple[Alphabet, ...] = Field(description="The default first.")
    error_rates: dict[str, Any] = Field(
        description="By lexicon, as `tanger evaluate` measured them."
    )
    source: Source = Field(description="What answers where a request does not say.")
    lexicons: tuple[LexiconInfo, ...] = Field(description="The one that wins first.")
    user_lexicon: bool = Field(description="Whether people's own words are taken here.")
    http_processes: int = Field(description="Processes that speak HTTP.")
    devices: tuple[str, ...] = Field(description="One for each decoding process.")
    engine: str | None = Field(
        description="What decodes: the compiled C of which kind, or torch, and in which "
        "precision. Null before any decoding process was ready."
    )
    limits: Limits


class ProblemError(BaseModel):
    """A fault in a request."""

    where: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The status in words.")
    status: int
    detail: str = Field(description="What is wrong, and what to do.")
    code: str = Field(description="The same for programs.")
    request_id: str
    errors: tuple[ProblemError, ...] = ()
