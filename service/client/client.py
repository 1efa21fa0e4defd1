"""Ask a running service from Python: ``Client(url).pronounce(["tanger"])``.

It takes httpx, pydantic and numpy, and neither torch nor the web framework.
Lists of any length and iterables without end are sent in requests of as many words as the service
takes; what it is too busy for is sent again when it says so.
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
from tanger.service.client.requests import (
    Call,
    Connection,
    Options,
    Requests,
    TextOptions,
    check_words,
)
from tanger.service.client.retries import Retries
from tanger.service.lexicon_schemas import OwnPronunciation, OwnWord
from tanger.service.schemas import Info, Limits, PronouncedSentence, Result, TextResponse

__all__ = ["AsyncClient", "Client", "Options", "Retries", "TextOptions"]


class Client(Connection):
    """A client that waits for its answers; threads may share it."""

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        *,
        api_key: str | None = None,
        timeout: float | None = None,
        retries: Retries | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Connect when something is asked.

        Args:
            url: of the service.
            api_key: where it wants one.
            timeout: seconds that the service may take for a request (``X-Request-Timeout``); by
                default as many as it has set itself.
            retries: how patient to be with a busy service or a bad connection.
            transport: httpx's, for certificates, proxies or sockets of one's own.
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
        """A result for each word, in their order.

        Args:
            words: any number of them.
            options: as `schemas.Options` has them.

        Raises:
            StatusError: where the service refuses; its kinds are in `client.errors`.
            NoAnswerError: where it does not answer.
            BadAnswerError: where what answers is not tanger's service.
        """
        return list(self.stream(words, **options))

    def stream(self, words: Iterable[str], **options: Unpack[Options]) -> Iterator[Result]:
        """Like `pronounce`, a result at a time, in memory that does not grow with the words."""
        check_words(words)
        return self._stream(words, options)

    def _stream(self, words: Iterable[str], options: Options) -> Iterator[Result]:
        requests = None
        for word in words:
            if requests is None:
                requests = Requests(self.limits(), options)
            if full := requests.add(word):
                yield from self._ask(full, options)
        if requests and (rest := requests.rest()):
            yield from self._ask(rest, options)

    def _ask(self, words: list[str], options: Options) -> tuple[Result, ...]:
        call = Call.pronounce(words, options)
        return call.results(self._send(call), words)

    def text(self, text: str, **options: Unpack[TextOptions]) -> TextResponse:
        """Read a text and pronounce its words.

        Args:
            text: of at most ``limits().text`` characters.
            options: as `schemas.TextOptions` has them.

        Raises:
            StatusError, NoAnswerError, BadAnswerError: as `pronounce`.
        """
        call = Call.text(text, options)
        return call.pronounced(self._send(call), text)

    def sentences(self, text: str, **options: Unpack[TextOptions]) -> Iterator[PronouncedSentence]:
        """Like `text`, a sentence at a time: of a long text, one alone is ever taken apart."""
        call = Call.text(text, options, by_sentence=True)
        return call.sentences(self._send(call), text)

    def get_word(self, word: str) -> OwnWord:
        """How the service's own lexicon, which people write, has a word.

        Raises:
            NotFoundError: where it has none.
            ForbiddenError: where there is no such lexicon.
            UnauthorizedError: without a key that is good there.
        """
        call = Call.word("GET", word)
        return call.read(self._send(call), OwnWord)

    def put_word(
        self,
        word: str,
        *pronunciations: str | OwnPronunciation,
        alphabet: Alphabet | None = None,
    ) -> OwnWord:
        """Say how a word is pronounced, the best way first, in place of what was said before.

        Args:
            word: the word.
            pronunciations: of it; what `get_word` answers can be put back.
            alphabet: that they are written in; the artifact's own by default.

        Raises:
            InvalidRequestError: where word or phonemes are none.
            ForbiddenError, UnauthorizedError: as `get_word`.
        """
        call = Call.word("PUT", word, pronunciations, alphabet)
        return call.read(self._send(call), OwnWord)

    def delete_word(self, word: str) -> None:
        """Have a word forgotten.

        Raises:
            NotFoundError, ForbiddenError, UnauthorizedError: as `get_word`.
        """
        self._send(Call.word("DELETE", word))

    def info(self) -> Info:
        """What is being served, and its limits."""
        call = Call("GET", "/info")
        info = call.read(self._send(call), Info)
        self.known_limits = info.limits
        return info

    def limits(self) -> Limits:
        """What a request may hold, as the service said when it was first, or last, asked."""
        return self.known_limits or self.info().limits

    def _send(self, call: Call) -> httpx.Response:
        pursuit = self._pursue(call)
        while True:
            try:
                answer = self._http.request(**self._attempt(call, pursuit.time_left))
            except httpx.RequestError as e:
                wait = pursuit.after_failure(e)
            else:
                if pursuit.is_done(answer):
                    return answer
                wait = pursuit.after_refusal(answer)
            time.sleep(wait)


class AsyncClient(Connection):
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
        """Connect when something is asked.

        Args:
            url: of the service.
            api_key: where it wants one.
            timeout: seconds that the service may take for a request (``X-Request-Timeout``); by
                default as many as it has set itself.
            retries: how patient to be with a busy service or a bad connection.
            concurrency: the most requests of one list that are under way at the same time.
            transport: httpx's, for certificates, proxies or sockets of one's own.
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
        """A result for each word, in their order (see `Client.pronounce`)."""
        return [result async for result in self.stream(words, **options)]

    def stream(
        self, words: Iterable[str] | AsyncIterable[str], **options: Unpack[Options]
    ) -> AsyncIterator[Result]:
        """Like `pronounce`, a result at a time, in memory that does not grow with the words.

        Up to `concurrency` requests are ahead of whoever takes the results.
        """
        check_words(words)
        return self._stream(words, options)

    async def _stream(
        self, words: Iterable[str] | AsyncIterable[str], options: Options
    ) -> AsyncIterator[Result]:
        under_way: deque[asyncio.Task[tuple[Result, ...]]] = deque()
        try:
            async for chunk in self._requests(words, options):
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

    async def _requests(
        self, words: Iterable[str] | AsyncIterable[str], options: Options
    ) -> AsyncIterator[list[str]]:
        requests = None
        async for word in _each(words):
            if requests is None:
                requests = Requests(await self.limits(), options)
            if full := requests.add(word):
                yield full
        if requests and (rest := requests.rest()):
            yield rest

    async def _ask(self, words: list[str], options: Options) -> tuple[Result, ...]:
        call = Call.pronounce(words, options)
        return call.results(await self._send(call), words)

    async def text(self, text: str, **options: Unpack[TextOptions]) -> TextResponse:
        """Read a text and pronounce its words (see `Client.text`)."""
        call = Call.text(text, options)
        return call.pronounced(await self._send(call), text)

    async def sentences(
        self, text: str, **options: Unpack[TextOptions]
    ) -> AsyncIterator[PronouncedSentence]:
        """Like `text`, a sentence at a time (see `Client.sentences`)."""
        call = Call.text(text, options, by_sentence=True)
        for sentence in call.sentences(await self._send(call), text):
            yield sentence

    async def get_word(self, word: str) -> OwnWord:
        """How the service's own lexicon has a word (see `Client.get_word`)."""
        call = Call.word("GET", word)
        return call.read(await self._send(call), OwnWord)

    async def put_word(
        self,
        word: str,
        *pronunciations: str | OwnPronunciation,
        alphabet: Alphabet | None = None,
    ) -> OwnWord:
        """Say how a word is pronounced (see `Client.put_word`)."""
        call = Call.word("PUT", word, pronunciations, alphabet)
        return call.read(await self._send(call), OwnWord)

    async def delete_word(self, word: str) -> None:
        """Have a word forgotten (see `Client.delete_word`)."""
        await self._send(Call.word("DELETE", word))

    async def info(self) -> Info:
        """What is being served, and its limits."""
        call = Call("GET", "/info")
        info = call.read(await self._send(call), Info)
        self.known_limits = info.limits
        return info

    async def limits(self) -> Limits:
        """What a request may hold, as the service said when it was first, or last, asked."""
        return self.known_limits or (await self.info()).limits

    async def _send(self, call: Call) -> httpx.Response:
        pursuit = self._pursue(call)
        while True:
            try:
                answer = await self._http.request(**self._attempt(call, pursuit.time_left))
            except httpx.RequestError as e:
                wait = pursuit.after_failure(e)
            else:
                if pursuit.is_done(answer):
                    return answer
                wait = pursuit.after_refusal(answer)
            await asyncio.sleep(wait)


async def _each(words: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[str]:
    if isinstance(words, AsyncIterable):
        async for word in words:
            yield word
    else:
        for word in words:
            yield word
