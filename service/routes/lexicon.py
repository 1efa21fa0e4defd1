"""The routes of people's own words: one by one, and the whole lexicon in and out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from typing import IO, Annotated, Any

from fastapi import FastAPI, Query, Request
from starlette.responses import Response, StreamingResponse

from tanger.model.lexicon.index import tidied
from tanger.service.openapi import json_body, timeout_header
from tanger.service.problems import ForbiddenError, InvalidRequestError, NoEntryError
from tanger.service.request_body import (
    read_json,
    read_no_query,
    read_pieces,
    read_timeout,
    shutdown_as_503,
)
from tanger.service.schemas import (
    Imported,
    ImportOptions,
    LexiconFile,
    OwnWord,
    ProblemError,
    Spoken,
)
from tanger.service.serving.manager import ModelManager
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Import, pronunciation_fault, word_fault

_PIECE = 1 << 18
_SUFFIXES = {"pls": "pls", "tsv": "tsv", "kaldi": "txt", "kaldip": "txt"}
_TEXT = {"schema": {"type": "string"}}
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_LEXICON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The lexicon",
        "content": {"text/plain": _TEXT, "application/pls+xml": _TEXT},
    }
}


def add_lexicon_routes(app: FastAPI, service: ModelManager) -> None:
    """Add them to `app`. All need an API key; without any configured they are off."""
    settings = service.settings
    limits = {"default": settings.timeout, "maximum": settings.max_timeout}

    def user(request: Request) -> UserLexicon:
        service.keys.require(request)
        if service.user is None:
            raise ForbiddenError("this is off: there is no user lexicon (TANGER_USER_LEXICON)")
        return service.user

    @app.get(
        "/lexicon/{word:text}",
        response_model=OwnWord,
        openapi_extra=timeout_header(**limits),
        tags=["lexicon"],
    )
    async def get_lexicon_word(request: Request, word: str) -> Response:
        """What a request for a word finds in the user lexicon. Needs an API key."""
        own = user(request)
        timeout = read_timeout(request, **limits)
        with shutdown_as_503():
            found = await own.read(lambda: own.get(word), timeout=timeout)
        if found is None:
            raise NoEntryError(word)
        return _reported(found.spellings[0], found.pronunciations)

    @app.put(
        "/lexicon/{word:text}",
        response_model=OwnWord,
        responses={201: {"model": OwnWord, "description": "There was no such entry"}},
        openapi_extra=json_body(Spoken) | timeout_header(**limits),
        tags=["lexicon"],
    )
    async def put_lexicon_word(request: Request, word: str) -> Response:
        """Say how a word is pronounced, from the next request on. Needs an API key.

        It takes the place of what a request for the word found here. Once it is answered it is on
        the disk.
        """
        own = user(request)
        with shutdown_as_503():
            read_no_query(request)
            timeout = read_timeout(request, **limits)
            spoken = await read_json(
                request,
                Spoken,
                limit=settings.max_body,
                seconds=settings.body_timeout,
                budget=service.buffers,
            )
            pronunciations = _checked(word, spoken)
            new = await own.put(word, pronunciations, timeout=timeout)
        status = HTTPStatus.CREATED if new else HTTPStatus.OK
        return _reported(tidied(word), pronunciations, status)

    @app.delete(
        "/lexicon/{word:text}",
        status_code=HTTPStatus.NO_CONTENT,
        openapi_extra=timeout_header(**limits),
        tags=["lexicon"],
    )
    async def delete_lexicon_word(request: Request, word: str) -> Response:
        """Forget what a request for a word finds in the user lexicon. Needs an API key."""
        own = user(request)
        timeout = read_timeout(request, **limits)
        with shutdown_as_503():
            if not await own.delete(word, timeout=timeout):
                raise NoEntryError(word)
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @app.get(
        "/lexicon",
        response_class=Response,
        responses=_LEXICON,
        tags=["lexicon"],
    )
    async def export_lexicon(
        request: Request, options: Annotated[LexiconFile, Query()]
    ) -> Response:
        """The whole user lexicon. Needs an API key."""
        own = user(request)
        with shutdown_as_503():
            symbols = service.current.inventory.symbols
            file = await asyncio.to_thread(own.export, options.format, symbols)
        suffix = _SUFFIXES.get(options.format, "dict")
        return StreamingResponse(
            _pieces(file),
            headers={
                "Content-Disposition": f'attachment; filename="lexicon.{suffix}"',
                "Content-Length": str(os.fstat(file.fileno()).st_size),
            },
            media_type="application/pls+xml" if options.format == "pls" else "text/plain",
        )

    @app.post(
        "/lexicon",
        response_model=Imported,
        openapi_extra={"requestBody": {"required": True, "content": _FILE}}
        | timeout_header(**limits),
        tags=["lexicon"],
    )
    async def import_lexicon(
        request: Request, options: Annotated[ImportOptions, Query()]
    ) -> Response:
        """Take in a whole lexicon, in UTF-8: all of it or nothing. Needs an API key.

        Its words take the place of the entries that the user lexicon has of them.
        """
        own = user(request)
        timeout = read_timeout(request, **limits)
        taken = await asyncio.to_thread(
            Import,
            own,
            options.format,
            service.current.inventory,
            longest=settings.max_letters,
        )
        try:
            with shutdown_as_503():
                pieces = read_pieces(
                    request, limit=settings.max_lexicon, seconds=settings.body_timeout
                )
                async for piece in pieces:
                    await asyncio.to_thread(taken.feed, piece)
                await asyncio.to_thread(taken.finish)
                if options.replace and not taken.staged.entries:
                    message = "there is no entry in it, and replace=true would forget all others"
                    raise InvalidRequestError(ProblemError(where="body", message=message))
                await own.take(taken.staged, replace=options.replace, timeout=timeout)
        finally:
            taken.close()
        reported = Imported(
            entries=taken.staged.entries,
            passed_over=taken.passed_over,
            without_probabilities=taken.without_probabilities,
        )
        return Response(reported.model_dump_json(), media_type="application/json")

    def _checked(word: str, spoken: Spoken) -> list[tuple[str, ...]]:
        """The pronunciations, where word and phonemes may be kept."""
        longest = settings.max_letters
        pronunciations = [tuple(text.split()) for text in spoken.pronunciations]
        faults = [("path.word", word_fault(word, longest=longest))]
        for place, phonemes in enumerate(pronunciations):
            fault = pronunciation_fault(phonemes, service.current.inventory, longest=longest)
            faults.append((f"body.pronunciations.{place}", fault))
        if any(fault for _, fault in faults):
            raise InvalidRequestError(
                *(ProblemError(where=where, message=fault) for where, fault in faults if fault)
            )
        return pronunciations


def _reported(
    word: str, pronunciations: Sequence[tuple[str, ...]], status: HTTPStatus = HTTPStatus.OK
) -> Response:
    texts = tuple(map(" ".join, pronunciations))
    body = OwnWord(word=word, pronunciations=texts).model_dump_json()
    return Response(body, status, media_type="application/json")


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
