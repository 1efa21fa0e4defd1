"""Synchronous and asynchronous clients: ``Client(url).pronounce(["tanger"])``.

They need httpx, pydantic and numpy, but neither torch nor the web framework.
Lists of any length and endless iterables are split into requests of as many words as the service
accepts. A request that the service is too busy for is retried when its Retry-After allows.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import Self, Unpack

import httpx

from tanger.model.phonology.notation import Alphabet
from tanger.service.client.errors import StatusError
from tanger.service.client.requests import (
    BaseClient,
    Call,
    Options,
    SentenceLines,
    TextOptions,
    WordBatcher,
    check_words,
)
from tanger.service.client.retries import Attempts, Retries
from tanger.service.info_schemas import Info, LanguageInfo, LanguageList, Limits
from tanger.service.lexicon_schemas import EntryPronunciation, EntryResponse
from tanger.service.schemas import PronouncedSentence, Result, TextResponse

__all__ = ["AsyncClient", "Client", "Options", "Retries", "TextOptions"]


class Client(BaseClient):
    """A synchronous client; it is thread-safe."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Create a client; it connects with the first request.

        Args:
            url: base URL of the service.
            api_key: API key, if the service requires one.
            timeout: seconds that the service may take for a request (``X-Request-Timeout``); by
                default the service's own setting.
            retries: when to retry after a busy service or a failed connection.
            transport: an httpx transport, for custom certificates, proxies or sockets.
        """
        super().__init__(url, api_key=api_key, timeout=timeout, retries=retries)
        self._http = httpx.Client(base_url=self.url, headers=self._headers, transport=transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def pronounce(self, words: Iterable[str], **options: Unpack[Options]) -> list[Result]:
        """Return a result for each word, in order.

        Args:
            words: any number of words.
            options: the fields of `schemas.Options`.

        Raises:
            StatusError: if the service refuses; the subclasses are in `client.errors`.
            NoAnswerError: if it does not respond.
            BadAnswerError: if the response is not one of tanger's service.
        """
        return list(self.stream(words, **options))

    def stream(self, words: Iterable[str], **options: Unpack[Options]) -> Iterator[Result]:
        """Yield the results of `pronounce` one by one, in constant memory."""
        check_words(words)
        return self._stream(words, options)

    def _stream(self, words: Iterable[str], options: Options) -> Iterator[Result]:
        batcher = None
        for word in words:
            if batcher is None:
                batcher = WordBatcher(self.limits(), options)
            if full := batcher.add(word):
                yield from self._ask(full, options)
        if batcher and (rest := batcher.flush()):
            yield from self._ask(rest, options)

    def _ask(self, words: list[str], options: Options) -> tuple[Result, ...]:
        call = Call.pronounce(words, options)
        return call.results(self._send(call), words)

    def text(self, text: str, **options: Unpack[TextOptions]) -> TextResponse:
        """Read a text and pronounce its words.

        Args:
            text: at most ``limits().text`` characters.
            options: the fields of `schemas.TextOptions`.

        Raises:
            StatusError, NoAnswerError, BadAnswerError: see `pronounce`.
        """
        call = Call.text(text, options)
        return call.pronounced(self._send(call), text)

    def sentences(self, text: str, **options: Unpack[TextOptions]) -> Iterator[PronouncedSentence]:
        """Yield the sentences of `text` one by one, as soon as the service sends them.

        If the connection breaks, or the service is too busy to go on, the request is sent again
        and goes on after the sentences that have arrived.

        Raises:
            StatusError, NoAnswerError, BadAnswerError: see `pronounce`.
        """
        return self._sentences(Call.text(text, options, by_sentence=True), text)

    def _sentences(self, call: Call, text: str) -> Iterator[PronouncedSentence]:
        attempts, lines = self._begin_attempts(call), SentenceLines(call, text)
        while True:
            lines.restart()
            try:
                yield from self._sentences_of(call, attempts, lines)
            except httpx.RequestError as e:
                wait = attempts.after_failure(e)
            except StatusError as e:
                wait = attempts.after_refusal(e)
            else:
                return
            time.sleep(wait)

    def _sentences_of(
        self, call: Call, attempts: Attempts, lines: SentenceLines
    ) -> Iterator[PronouncedSentence]:
        """Yield the sentences of one attempt."""
        with self._http.stream(**self._attempt(call, attempts.time_left)) as answer:
            if not attempts.is_done(answer):
                answer.read()
                raise attempts.refusal(answer)
            for chunk in answer.iter_bytes():
                yield from lines.feed(chunk, answer)
            lines.end(answer)

    def get_word(self, word: str, *, language: str | None = None) -> EntryResponse:
        """Return the entry of a word in the service's user lexicon of a language.

        Raises:
            NotFoundError: if there is no entry.
            ForbiddenError: if the service has no user lexicon.
            UnauthorizedError: if the API key is missing or wrong.
        """
        call = Call.word("GET", word, language=language)
        return call.read(self._send(call), EntryResponse)

    def put_word(
        self,
        word: str,
        *pronunciations: str | EntryPronunciation,
        alphabet: Alphabet | None = None,
        language: str | None = None,
    ) -> EntryResponse:
        """Store the pronunciations of a word, preferred first, in place of its entry.

        Args:
            word: the word.
            pronunciations: of the word; those that `get_word` returns are accepted.
            alphabet: of the pronunciations; by default the artifact's own.
            language: of the lexicon; by default the first.

        Raises:
            InvalidRequestError: if the word or a pronunciation is invalid.
            ForbiddenError, UnauthorizedError: see `get_word`.
        """
        call = Call.word("PUT", word, pronunciations, alphabet, language)
        return call.read(self._send(call), EntryResponse)

    def delete_word(self, word: str, *, language: str | None = None) -> None:
        """Delete the entry of a word.

        Raises:
            NotFoundError, ForbiddenError, UnauthorizedError: see `get_word`.
        """
        self._send(Call.word("DELETE", word, language=language))

    def info(self) -> Info:
        """Return the model that is served, its settings and limits."""
        call = Call("GET", "/info")
        info = call.read(self._send(call), Info)
        self.known_limits = info.limits
        return info

    def languages(self) -> tuple[LanguageInfo, ...]:
        """Return the languages that the service speaks, the default first."""
        call = Call("GET", "/languages")
        return call.read(self._send(call), LanguageList).languages

    def limits(self) -> Limits:
        """Return the limits of requests; cached from the latest response that had them."""
        return self.known_limits or self.info().limits

    def _send(self, call: Call) -> httpx.Response:
        attempts = self._begin_attempts(call)
        while True:
            try:
                answer = self._http.request(**self._attempt(call, attempts.time_left))
            except httpx.RequestError as e:
                wait = attempts.after_failure(e)
            else:
                if attempts.is_done(answer):
                    return answer
                wait = attempts.after_refusal(attempts.refusal(answer))
            time.sleep(wait)


class AsyncClient(BaseClient):
    """A client for asyncio."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        retries: Retries | None = None,
        concurrency: int = 4,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Create a client; it connects with the first request.

        Args:
            url: base URL of the service.
            api_key: API key, if the service requires one.
            timeout: seconds that the service may take for a request (``X-Request-Timeout``); by
                default the service's own setting.
            retries: when to retry after a busy service or a failed connection.
            concurrency: most concurrent requests for one list of words.
            transport: an httpx transport, for custom certificates, proxies or sockets.
        """
        super().__init__(url, api_key=api_key, timeout=timeout, retries=retries)
        if concurrency < 1:
            raise ValueError(f"concurrency has to be 1 or more, not {concurrency}")
        self._concurrency = concurrency
        self._http = httpx.AsyncClient(
            base_url=self.url, headers=self._headers, transport=transport
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def pronounce(
        self, words: Iterable[str] | AsyncIterable[str], **options: Unpack[Options]
    ) -> list[Result]:
        """Return a result for each word, in order (see `Client.pronounce`)."""
        return [result async for result in self.stream(words, **options)]

    def stream(
        self, words: Iterable[str] | AsyncIterable[str], **options: Unpack[Options]
    ) -> AsyncIterator[Result]:
        """Yield the results of `pronounce` one by one, in constant memory.

        Up to `concurrency` requests are sent before their results are consumed.
        """
        check_words(words)
        return self._stream(words, options)

    async def _stream(
        self, words: Iterable[str] | AsyncIterable[str], options: Options
    ) -> AsyncIterator[Result]:
        under_way: deque[asyncio.Task[tuple[Result, ...]]] = deque()
        try:
            async for chunk in self._batches(words, options):
                under_way.append(asyncio.create_task(self._ask(chunk, options)))
                if len(under_way) == self._concurrency:
                    for result in await under_way[0]:
                        yield result
                    under_way.popleft()
            while under_way:
                for result in await under_way[0]:
                    yield result
                under_way.popleft()
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _batches(
        self, words: Iterable[str] | AsyncIterable[str], options: Options
    ) -> AsyncIterator[list[str]]:
        batcher = None
        async for word in _each(words):
            if batcher is None:
                batcher = WordBatcher(await self.limits(), options)
            if full := batcher.add(word):
                yield full
        if batcher and (rest := batcher.flush()):
            yield rest

    async def _ask(self, words: list[str], options: Options) -> tuple[Result, ...]:
        call = Call.pronounce(words, options)
        return call.results(await self._send(call), words)

    async def text(self, text: str, **options: Unpack[TextOptions]) -> TextResponse:
        """Read a text and pronounce its words (see `Client.text`)."""
        call = Call.text(text, options)
        return call.pronounced(await self._send(call), text)

    def sentences(
        self, text: str, **options: Unpack[TextOptions]
    ) -> AsyncIterator[PronouncedSentence]:
        """Yield the sentences of `text` one by one (see `Client.sentences`)."""
        return self._sentences(Call.text(text, options, by_sentence=True), text)

    async def _sentences(self, call: Call, text: str) -> AsyncIterator[PronouncedSentence]:
        attempts, lines = self._begin_attempts(call), SentenceLines(call, text)
        while True:
            lines.restart()
            try:
                async for sentence in self._sentences_of(call, attempts, lines):
                    yield sentence
            except httpx.RequestError as e:
                wait = attempts.after_failure(e)
            except StatusError as e:
                wait = attempts.after_refusal(e)
            else:
                return
            await asyncio.sleep(wait)

    async def _sentences_of(
        self, call: Call, attempts: Attempts, lines: SentenceLines
    ) -> AsyncIterator[PronouncedSentence]:
        """Yield the sentences of one attempt."""
        async with self._http.stream(**self._attempt(call, attempts.time_left)) as answer:
            if not attempts.is_done(answer):
                await answer.aread()
                raise attempts.refusal(answer)
            async for chunk in answer.aiter_bytes():
                for sentence in lines.feed(chunk, answer):
                    yield sentence
            lines.end(answer)

    async def get_word(self, word: str, *, language: str | None = None) -> EntryResponse:
        """Return the entry of a word in the user lexicon (see `Client.get_word`)."""
        call = Call.word("GET", word, language=language)
        return call.read(await self._send(call), EntryResponse)

    async def put_word(
        self,
        word: str,
        *pronunciations: str | EntryPronunciation,
        alphabet: Alphabet | None = None,
        language: str | None = None,
    ) -> EntryResponse:
        """Store the pronunciations of a word (see `Client.put_word`)."""
        call = Call.word("PUT", word, pronunciations, alphabet, language)
        return call.read(await self._send(call), EntryResponse)

    async def delete_word(self, word: str, *, language: str | None = None) -> None:
        """Delete the entry of a word (see `Client.delete_word`)."""
        await self._send(Call.word("DELETE", word, language=language))

    async def info(self) -> Info:
        """Return the model that is served, its settings and limits."""
        call = Call("GET", "/info")
        info = call.read(await self._send(call), Info)
        self.known_limits = info.limits
        return info

    async def languages(self) -> tuple[LanguageInfo, ...]:
        """Return the languages that the service speaks, the default first."""
        call = Call("GET", "/languages")
        return call.read(await self._send(call), LanguageList).languages

    async def limits(self) -> Limits:
        """Return the limits of requests; cached from the latest response that had them."""
        return self.known_limits or (await self.info()).limits

    async def _send(self, call: Call) -> httpx.Response:
        attempts = self._begin_attempts(call)
        while True:
            try:
                answer = await self._http.request(**self._attempt(call, attempts.time_left))
            except httpx.RequestError as e:
                wait = attempts.after_failure(e)
            else:
                if attempts.is_done(answer):
                    return answer
                wait = attempts.after_refusal(attempts.refusal(answer))
            await asyncio.sleep(wait)


async def _each(words: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[str]:
    if isinstance(words, AsyncIterable):
        async for word in words:
            yield word
    else:
        for word in words:
            yield word
