"""Build requests and parse responses for both clients, without any I/O."""

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
from tanger.service.client.errors import BadAnswerError, of_problem
from tanger.service.client.retries import Attempts, Retries
from tanger.service.info_schemas import Limits
from tanger.service.lexicon_schemas import EntryPronunciation
from tanger.service.schemas import (
    Problem,
    PronouncedSentence,
    PronounceResponse,
    Result,
    TextResponse,
)
from tanger.service.serving.pricing import decode_letters, result_bytes

M = TypeVar("M", bound=BaseModel)

# Seconds for the network in addition to the time that the service has for a request
_UNDER_WAY = 5.0
# Bytes of a request body that are reserved for its options
_OPTIONS = 512
# A request takes at most a fourth of the queue: there are other clients, and a word read out, such
# as a number, has more letters than its written form.
_SHARE = 4


class Options(TypedDict, total=False):
    """Options of a request for words; the service has a default for each."""

    language: str
    source: Literal["model", "lexicon", "auto"]
    alphabet: Alphabet
    stress: bool
    n: int
    alignment: bool
    explain: bool


class TextOptions(TypedDict, total=False):
    """Options of a request for a text; the service has a default for each."""

    language: str
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
    """A request to send, and the parsers of its response."""

    method: str
    path: str
    body: bytes | None = None
    accept: str = _JSON
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)

    @classmethod
    def pronounce(cls, words: Sequence[str], options: Options) -> Call:
        """Return a call that pronounces words, no more than a request may hold."""
        return cls("POST", "/pronounce", _json({"words": words, **options}))

    @classmethod
    def text(cls, text: str, options: TextOptions, *, by_sentence: bool = False) -> Call:
        """Return a call for a text, as a whole or sentence by sentence.

        Raises:
            TypeError, ValueError: if it cannot be sent.
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
        pronunciations: Sequence[str | EntryPronunciation] | None = None,
        alphabet: Alphabet | None = None,
        language: str | None = None,
    ) -> Call:
        """Return a call for an entry of the user lexicon of a language."""
        body = None
        if pronunciations is not None:
            items = [
                each if isinstance(each, str) else each.model_dump() for each in pronunciations
            ]
            body = _json({"alphabet": alphabet, "pronunciations": items})
        query = "" if language is None else f"?language={segment(language)}"
        return cls(method, f"/lexicon/{segment(word)}{query}", body)

    def read(self, answer: httpx.Response, model: type[M]) -> M:
        """Parse the response.

        Raises:
            BadAnswerError: if it is not a valid `model`.
        """
        try:
            return model.model_validate_json(answer.content)
        except ValidationError as e:
            raise self.bad(answer, f"it is no {model.__name__}") from e

    def results(self, answer: httpx.Response, words: Sequence[str]) -> tuple[Result, ...]:
        """Parse the results for `words`.

        Raises:
            BadAnswerError: if they are for other words.
        """
        results = self.read(answer, PronounceResponse).results
        if [result.word for result in results] != list(words):
            raise self.bad(answer, "its results are not those of the words that were sent")
        return results

    def pronounced(self, answer: httpx.Response, text: str) -> TextResponse:
        """Parse the response for `text`.

        Raises:
            BadAnswerError: if it is for another text.
        """
        found = self.read(answer, TextResponse)
        if found.text != text:
            raise self.bad(answer, "its text is not the one that was sent")
        return found

    def bad(self, answer: httpx.Response, fault: str) -> BadAnswerError:
        """Return the error of a response that is not the service's."""
        return BadAnswerError(
            f"{answer.request.url} does not answer as tanger's service does: {fault}",
            request_id=self.request_id,
        )


class SentenceLines:
    """Parses a response in JSON Lines, a sentence each, over one attempt or several.

    If the connection breaks, the next attempt continues after the sentences that have arrived.
    """

    def __init__(self, call: Call, text: str) -> None:
        """Parse sentences of `text`, for which `call` asks."""
        self._call = call
        self._text = text
        self._rest = b""
        # Offsets of the end of what has been returned, and of what this attempt has read
        self._returned = self._read = 0

    def restart(self) -> None:
        """Expect the first line of another attempt."""
        self._rest = b""
        self._read = 0

    def feed(self, chunk: bytes, answer: httpx.Response) -> Iterator[PronouncedSentence]:
        """Yield the sentences that are complete with these bytes of the response.

        Raises:
            StatusError: if the service says that it cannot go on.
            BadAnswerError: if a line is neither, or of another text.
        """
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            sentence = self._parse(line, answer)
            self._read += len(sentence.text)
            if self._read > self._returned:
                self._returned = self._read
                yield sentence

    def end(self, answer: httpx.Response) -> None:
        """Check that the whole text has arrived.

        Raises:
            BadAnswerError: if it has not.
        """
        if self._rest:
            self._parse(self._rest, answer)
        if self._rest or self._read != len(self._text):
            raise self._call.bad(answer, "its sentences end before the text does")

    def _parse(self, line: bytes, answer: httpx.Response) -> PronouncedSentence:
        try:
            sentence = PronouncedSentence.model_validate_json(line)
        except ValidationError as e:
            try:
                problem = Problem.model_validate_json(line)
            except ValidationError:
                raise self._call.bad(answer, "a line is no PronouncedSentence") from e
            raise of_problem(problem, problem.status) from None
        if not self._text.startswith(sentence.text, self._read):
            fault = "its sentences are not those of the text that was sent"
            raise self._call.bad(answer, fault)
        return sentence


class BaseClient:
    """Configuration and cached limits that both clients share."""

    def __init__(
        self, url: str, *, api_key: str | None, timeout: float | None, retries: Retries | None
    ) -> None:
        """Validate the arguments.

        Raises:
            ValueError: if the URL is not an HTTP URL, or the timeout is not positive.
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

    def _begin_attempts(self, call: Call) -> Attempts:
        return Attempts(self.retries, call.request_id, deletes=call.method == "DELETE")

    def _attempt(self, call: Call, left: float) -> dict[str, Any]:
        """Return the httpx arguments of one attempt with `left` seconds left."""
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


class WordBatcher:
    """Collect words into requests as large as the service accepts."""

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
        """Add a word; return the words of a request once it is full, else none.

        Raises:
            TypeError, ValueError: if it cannot be sent.
        """
        if not isinstance(word, str):
            raise TypeError(f"a word is a str, not {word!r}")
        try:
            size = len(_json(word)) + 1
        except UnicodeEncodeError as e:
            raise ValueError(f"no text, for it holds half a surrogate pair: {word!r}") from e
        # Longer words are refused without decoding
        read = len(word) if len(word) <= self._longest else 0
        work = decode_letters(read, self._n, aligned=self._aligns)
        response = result_bytes(len(word), word, self._n, aligned=self._aligns)
        room = (
            self._size + size <= self._bytes
            and self._work + work <= self._letters
            and self._response + response <= self._response_bytes
        )
        full = [] if room else self.flush()
        self._begun.append(word)
        self._size += size
        self._work += work
        self._response += response
        # Never both: with room for one word only, none is pending that could overflow
        return self.flush() if len(self._begun) == self._words else full

    def flush(self) -> list[str]:
        """Return the words of the last request, which is not full; none if there are none."""
        words, self._begun = self._begun, []
        self._size = self._work = self._response = 0
        return words


def check_words(words: object) -> None:
    """Raise if `words` is a string, which would be iterated by letter.

    Raises:
        TypeError: if it is one.
    """
    if isinstance(words, str):
        raise TypeError(f"words come as a list: [{words!r}]")


def segment(word: str) -> str:
    """Encode a word as one path segment; dots are escaped too, since ``..`` has a meaning."""
    return quote(word, safe="").replace(".", "%2E")


def _json(value: Mapping[str, Any] | str) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
