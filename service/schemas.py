"""Models of requests, responses and problems, as shown in the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Literal

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
        description="Source of pronunciations: `model`, the network; `lexicon`, the user lexicon "
        "and dictionaries; `auto`, these if they contain the word, else the network. The default "
        "is a setting of the service (`model` unless changed).",
    )
    language: str | None = Field(
        None,
        description="Language of the words, as a tag (BCP 47) of `GET /languages`. A longer tag "
        "falls back to a shorter one (`de-AT` to `de`), a bare language to its first variety "
        "(`en` to `en-US`); `model.language` of the response names the one spoken. The default is "
        "the first one.",
    )
    alphabet: Alphabet | None = Field(
        None,
        description="Notation of phonemes: `arpabet` (`T AE NG ER`), `ipa` (`ˈtæŋɚ`), "
        '`x-sampa` (`"t{N@\\``), `cntk` (`~T ~AE ~NG ~ER`), or `native` for an artifact whose '
        "phonemes are not ARPAbet; if these are IPA, also `ipa`. The default is the artifact's "
        "own, which is `arpabet` for American English.",
    )
    stress: bool | None = Field(
        None,
        description="Mark stress: in `arpabet` by a digit after each vowel (`AE1` primary, `AE2` "
        "secondary, `AE0` none), in `ipa` and `x-sampa` before the stressed syllable. By default "
        "`ipa` and `x-sampa` mark it if the artifact predicts it, and `arpabet` does not, unless "
        "the artifact's own phonemes do. The choice of vowel in `ipa` and `x-sampa` (`ə` or `ʌ`, "
        "`ɚ` or `ɝ`) depends on stress in either case.",
    )
    n: int = Field(
        1,
        ge=1,
        le=MAX_NBEST,
        description="Maximum number of pronunciations per word, most likely first. They always "
        "include the one returned for 1. Their probabilities sum to at most 1.",
    )

    alignment: bool = Field(False, description="Return the letters of each phoneme.")
    explain: bool = Field(
        False, description="Return the origin of each pronunciation: lexicon, rule or network."
    )


class PronounceRequest(Options):
    """Words to pronounce."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"words": ["tanger", "Ångström", "42", "日本"]}]}
    )

    # Stop at the first invalid item: a megabyte can contain half a million
    words: Annotated[list[str], FailFast()] = Field(
        min_length=1, description="The words, at most `limits.words` of `/info` (256 by default)."
    )


class TextOptions(BaseModel):
    """Options of a request for a text."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Source = Field(
        "auto",
        description="Source of pronunciations, as in `/pronounce`, but `auto` by default.",
    )
    language: str | None = Field(None, description="As in `/pronounce`.")
    alphabet: Alphabet | None = Field(None, description="As in `/pronounce`.")
    stress: bool | None = Field(None, description="As in `/pronounce`.")
    alignment: bool = Field(
        False,
        description="Return the letters of each phoneme, in JSON and JSON Lines. The response is "
        "then several times as long.",
    )
    punctuation: bool = Field(False, description="Keep punctuation marks in `pronunciation`.")
    weak_forms: bool = Field(
        False,
        description="Use weak forms of function words, such as `AH0 V` for *of*, except at the end "
        "of a sentence, in quotes and in capitals; `the` and `to` depend on the next sound.",
    )
    ssml: bool = Field(
        False,
        description="Parse the text as an SSML document. `phoneme`, `sub`, `say-as`, `lang`, `p`, "
        "`s`, `w` and `break` are supported; `prosody`, `voice`, `emphasis`, `audio` and `mark` "
        "are ignored with a warning. Offsets refer to the document.",
    )


class TextRequest(TextOptions):
    """A text to read and pronounce."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "Dr. Smith read 3 books on Elm St. in 1984."}]}
    )

    text: str = Field(description="The text, of at most `limits.text` characters (see `/info`).")


class AlignedPhoneme(BaseModel):
    """A phoneme and its letters: `letters[start:end]`."""

    phoneme: str = Field(description="In the requested alphabet.")
    start: int
    end: int
    probability: float = Field(
        description="Probability of this phoneme given the preceding ones, by the network."
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
        description="Attention weights: a row per phoneme with a weight per letter; its sum is 1."
    )


class Pronunciation(BaseModel):
    """A pronunciation of a word."""

    phonemes: tuple[str, ...] = Field(
        min_length=1, description="In the requested alphabet; at least one."
    )
    text: str = Field(
        description="The phonemes, separated by a space, and spoken words by two spaces. In `ipa` "
        "and `x-sampa` only words are separated by a space; a syllable break separates two "
        "phonemes that would read as one."
    )
    probability: float | None = Field(
        description="Probability that the pronunciation is right. The shipped artifacts are "
        "calibrated on dictionary words, apart on those that were in training and on others: it is "
        "too high for made-up words, misspellings, random letters and foreign words. An artifact "
        "without calibration returns the product of the step probabilities. Null if a lexicon "
        "answered, unless it depends on the sense of a homograph."
    )
    complete: bool = Field(description="False if decoding reached its length limit.")
    alignment: Alignment | None = Field(
        description="Null unless requested, for words with letters unknown to the network, and for "
        "words read in parts that exceed the limit of letters. The network also aligns "
        "pronunciations of lexicons and rules."
    )


class WordError(BaseModel):
    """The reason why a word has no pronunciation."""

    code: WordErrorCode
    message: str


class Origin(BaseModel):
    """The origin of a pronunciation, or of a part of one."""

    source: OriginSource | None = Field(
        description="What answered; a `rule` of the reader needs neither a lexicon nor the "
        "network. Null if nothing answered."
    )
    lexicon: str | None = Field(description="Name of the lexicon that answered.")
    rank: int | None = Field(description="Priority of that lexicon; 1 is the highest.")
    rule: Rule | None = Field(
        description="`number`: a number or sign in words; `letters`: spelt letter by letter; "
        "`table`: from a table of word parts, such as RE in re-enter, or of "
        "the senses of homographs; `weak_form`: the weak form "
        "of a function word, in texts only; `derived`: a possessive or plural from its stem."
    )
    stem: str | None = Field(description="The stem, for `derived`.")
    order: Order | None = Field(
        description="Order of that lexicon's variants: `network`, by the network's ranking; "
        "`lexicon`, as listed there."
    )


class ExplainedPart(Origin):
    """The origin of a part of a word's pronunciation."""

    text: str = Field(description="In the artifact's graphemes.")


class Explanation(Origin):
    """The origin of a word's pronunciation; `parts` has that of each part if they differ."""

    parts: tuple[ExplainedPart, ...] = Field(
        description="The parts it was read in: the word itself, or `FORTY` and `TWO`."
    )


class Result(BaseModel):
    """The result for a word."""

    word: str = Field(description="The word as sent.")
    normalized: str | None = Field(
        description="The word in the artifact's graphemes; if it was read in parts, these, joined "
        "by hyphens: `FORTY-TWO`."
    )
    source: Answerer | None = Field(
        description="`override` for a pronunciation in the text itself, `user` for the user "
        "lexicon, `lexicon` for a dictionary, `model` if the network pronounced at least one part."
    )
    pronunciations: tuple[Pronunciation, ...] = Field(
        description="At most `n`, from a lexicon, in its order, or from the network."
    )
    warnings: tuple[str, ...] = Field(
        description="Changes made while reading the word: `é -> E`, `42 -> forty two`."
    )
    error: WordError | None
    explain: Explanation | None = Field(description="Null unless requested.")


class OtherSense(BaseModel):
    """A less likely sense of a homograph."""

    name: str
    probability: float
    phonemes: tuple[str, ...] = Field(description="The pronunciation of the word in this sense.")
    text: str = Field(description="The phonemes in one text.")


class Sense(BaseModel):
    """The most likely sense of a homograph."""

    name: str
    probability: float
    alternatives: tuple[OtherSense, ...] = Field(description="The other senses, likeliest first.")


class TextWord(BaseModel):
    """A spoken word, and its most likely pronunciation."""

    word: str = Field(description="In capitals if it is spelt out, except for a plural's s.")
    normalized: str | None = Field(description="The word in the artifact's graphemes.")
    source: Answerer | None = Field(description="As in `/pronounce`; null for an error.")
    phonemes: tuple[str, ...] = Field(description="Empty for an error.")
    text: str = Field(description="The phonemes in one text.")
    probability: float | None = Field(
        description="Probability that both reading and pronunciation are right. Null if a lexicon "
        "answered."
    )
    alignment: Alignment | None = Field(description="As in `/pronounce`.")
    sense: Sense | None = Field(description="The sense of a homograph; null for other words.")


class TextToken(BaseModel):
    """A token of a text."""

    text: str
    start: int = Field(description="Offset of its first character (code point) in the text.")
    end: int = Field(description="Offset after its last character.")
    kind: TokenKind
    confidence: float = Field(description="Measured share of right readings of this kind.")
    spoken: str = Field(description="Its words in one line.")
    words: tuple[TextWord, ...]
    warnings: tuple[str, ...]
    error: WordError | None = Field(description="The error of a word without pronunciation.")


class ModelName(BaseModel):
    """Name and version of the model."""

    name: str
    version: str = Field(description="First 12 hexadecimal digits of the weights' sha256.")
    language: str = Field(
        description="Tag of the language (BCP 47) that was spoken, such as `en-US`: where the "
        "requested one is not available, that which it fell back to."
    )


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

    text: str = Field(description="The text as sent.")
    spoken: str = Field(description="Its words in one line.")
    pronunciation: str = Field(
        description="Its pronunciation in one line; words are separated by a space, or by two if "
        "phonemes are separated by one."
    )
    tokens: tuple[TextToken, ...] = Field(description="They cover the text, including spaces.")
    warnings: tuple[str, ...] = Field(description="Warnings of all tokens, each once.")


class TextResponse(PronouncedSentence):
    """A pronounced text, and the model."""

    model: ModelName


class PronounceResponse(BaseModel):
    """Results for the words, in the order of the request."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": {"name": "en-us", "version": "0123456789ab", "language": "en-US"},
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


class ProblemError(BaseModel):
    """A fault in a request."""

    where: str
    message: str


class Problem(BaseModel):
    """RFC 9457 problem details."""

    type: Literal["about:blank"] = "about:blank"
    title: str = Field(description="The reason phrase of the status.")
    status: int
    detail: str = Field(description="What is wrong and what to do.")
    code: str = Field(description="Machine-readable kind of the problem.")
    request_id: str
    errors: tuple[ProblemError, ...] = ()
