"""What the clients send, and what they make of the answers; how it goes over the wire is theirs."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, ValidationError

from tanger import __version__
from tanger.model.phonology.notation import Alphabet
from tanger.service.client.errors import BadAnswerError
from tanger.service.client.retries import Pursuit, Retries
from tanger.service.lexicon_schemas import OwnPronunciation
from tanger.service.schemas import (
    Limits,
    PronouncedSentence,
    PronounceResponse,
    Result,
    TextResponse,
)
from tanger.service.serving.pricing import decode_letters, result_bytes

M = TypeVar("M", bound=BaseModel)

# How long a request may be under way beyond the time that the service has for it, in seconds.
_UNDER_WAY = 5.0
# What the options of a request may take of its body, in bytes.
_OPTIONS = 512
# A request asks for a fourth of the work that the queue holds, at most: there are others, and what
# is read out has more letters than what was written.
_SHARE = 4


class Options(TypedDict, total=False):
    """What may be asked for besides the words; what is not said is the service's own default."""

    source: Literal["model", "lexicon", "auto"]
    alphabet: Alphabet
    stress: bool
    n: int
    alignment: bool
    explain: bool


class TextOptions(TypedDict, total=False):
    """What may be asked for besides a text; what is not said is the service's own default."""

    source: Literal["model", "lexicon", "auto"]
    alphabet: Alphabet
    stress: bool
    alignment: bool
    punctuation: bool
    weak_forms: bool
    ssml: bool


_JSON, _LINES = "application/json", "application/jsonl"


@dataclass(frozen=True)
class Call:
    """A request to be made, and what its answer should be."""

    method: str
    path: str
    body: bytes | None = None
    accept: str = _JSON
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def pronounce(cls, words: Sequence[str], options: Options) -> Call:
        """For the pronunciations of no more words than a request may hold."""
        return cls("POST", "/pronounce", _json({"words": words, **options}))

    @classmethod
    def text(cls, text: str, options: TextOptions, *, by_sentence: bool = False) -> Call:
        """For a text, at once or sentence by sentence.

        Raises:
            TypeError, ValueError: where it cannot be sent.
        """
        if not isinstance(text, str):
            raise TypeError(f"a text is a str, not {text!r}")
        try:
            body = _json({"text": text, **options})
        except UnicodeEncodeError as e:
            raise ValueError("no text, for it holds half a surrogate pair") from e
        return cls("POST", "/text", body, _LINES if by_sentence else _JSON)

    @classmethod
    def word(
        cls,
        method: str,
        word: str,
        pronunciations: Sequence[str | OwnPronunciation] | None = None,
        alphabet: Alphabet | None = None,
    ) -> Call:
        """For one of people's own words."""
        body = None
        if pronunciations is not None:
            items = [
                each if isinstance(each, str) else each.model_dump() for each in pronunciations
            ]
            body = _json({"alphabet": alphabet, "pronunciations": items})
        return cls(method, f"/lexicon/{segment(word)}", body)

    def read(self, answer: httpx.Response, model: type[M]) -> M:
        """What the answer says.

        Raises:
            BadAnswerError: where it is no `model`.
        """
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as e:
            raise self._bad(answer, f"it is no {model.__name__}") from e

    def results(self, answer: httpx.Response, words: Sequence[str]) -> tuple[Result, ...]:
        """The results for `words`.

        Raises:
            BadAnswerError: where they are not for them.
        """
        results = self.read(answer, PronounceResponse).results
        if [result.word for result in results] != list(words):
            raise self._bad(answer, "its results are not those of the words that were sent")
        return results

    def pronounced(self, answer: httpx.Response, text: str) -> TextResponse:
        """The text as it was read.

        Raises:
            BadAnswerError: where it is another one.
        """
        found = self.read(answer, TextResponse)
        if found.text != text:
            raise self._bad(answer, "its text is not the one that was sent")
        return found

    def sentences(self, answer: httpx.Response, text: str) -> Iterator[PronouncedSentence]:
        """The sentences of the text, each taken apart when it is wanted.

        Raises:
            BadAnswerError: where they are of another one.
        """
        at = 0
        for line in answer.content.splitlines():
            try:
                sentence = PronouncedSentence.model_validate_json(line)
            except ValidationError as e:
                raise self._bad(answer, "a line is no PronouncedSentence") from e
            if not text.startswith(sentence.text, at):
                raise self._bad(answer, "its sentences are not those of the text that was sent")
            at += len(sentence.text)
            yield sentence
        if at != len(text):
            raise self._bad(answer, "its sentences end before the text does")

    def _bad(self, answer: httpx.Response, fault: str) -> BadAnswerError:
        return BadAnswerError(
            f"{answer.request.url} does not answer as tanger's service does: {fault}",
            request_id=self.request_id,
        )


class Connection:
    """What both clients know of the service."""

    def __init__(
        self, url: str, *, api_key: str | None, timeout: float | None, retries: Retries | None
    ) -> None:
        """Check what can be checked before anything is sent.

        Raises:
            ValueError: where the URL is none of the web, or the timeout no time.
        """
        if httpx.URL(url).scheme not in ("http", "https"):
            raise ValueError(
                f"a service's URL starts with http:// or https://, not as {url!r} does"
            )
        if timeout is not None and not timeout > 0:
            raise ValueError(f"a timeout is more than 0 seconds, not {timeout!r}")
        self.url = url.rstrip("/")
        self.retries = retries or Retries()
        self.known_limits: Limits | None = None
        self._timeout = timeout
        self._headers = {"User-Agent": f"tanger/{__version__}"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _pursue(self, call: Call) -> Pursuit:
        return Pursuit(self.retries, call.request_id, deletes=call.method == "DELETE")

    def _attempt(self, call: Call, left: float) -> dict[str, Any]:
        """One attempt's arguments for httpx, when so many seconds are left."""
        headers = {"X-Request-ID": call.request_id, "Accept": call.accept}
        seconds = left
        if self._timeout is not None:
            headers["X-Request-Timeout"] = f"{max(0.001, min(self._timeout, left)):.3f}"
            seconds = min(self._timeout + _UNDER_WAY, left)
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return {
            "method": call.method,
            "url": call.path,
            "content": call.body,
            "headers": headers,
            "timeout": httpx.Timeout(seconds, connect=min(_UNDER_WAY, left)),
        }


class Requests:
    """Words on their way into requests as large as the service takes."""

    def __init__(self, limits: Limits, options: Options) -> None:
        self._words = limits.words
        self._bytes = limits.body_bytes - _OPTIONS
        self._longest = limits.letters
        self._letters = limits.queue_letters // _SHARE
        self._response_bytes = limits.response_bytes
        self._n, self._aligns = options.get("n", 1), options.get("alignment", False)
        self._begun: list[str] = []
        self._size = self._work = self._response = 0

    def add(self, word: str) -> list[str]:
        """Take one more word; those of a request, as soon as there is no room in it for another.

        Raises:
            TypeError, ValueError: where it cannot be sent.
        """
        if not isinstance(word, str):
            raise TypeError(f"a word is a str, not {word!r}")
        try:
            size = len(_json(word)) + 1
        except UnicodeEncodeError as e:
            raise ValueError(f"no text, for it holds half a surrogate pair: {word!r}") from e
        # What is longer is never decoded
        read = len(word) if len(word) <= self._longest else 0
        work = decode_letters(read, self._n, aligned=self._aligns)
        response = result_bytes(len(word), word, self._n, aligned=self._aligns)
        room = (
            self._size + size <= self._bytes
            and self._work + work <= self._letters
            and self._response + response <= self._response_bytes
        )
        full = [] if room else self.rest()
        self._begun.append(word)
        self._size += size
        self._work += work
        self._response += response
        # Never both: where there is room for one word, none is left over to overflow
        return self.rest() if len(self._begun) == self._words else full

    def rest(self) -> list[str]:
        """The words that were not given out yet."""
        words, self._begun = self._begun, []
        self._size = self._work = self._response = 0
        return words


def check_words(words: object) -> None:
    """Refuse a lone word, which would be taken for a list of its letters.

    Raises:
        TypeError: for one.
    """
    if isinstance(words, str):
        raise TypeError(f"words come as a list: [{words!r}]")


def segment(word: str) -> str:
    """A word as one segment of a path, whatever it holds: dots too, which mean something there."""
    return quote(word, safe="").replace(".", "%2E")


def _json(value: Mapping[str, Any] | str) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
