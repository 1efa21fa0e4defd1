"""The routes of the user lexicon: single words, import and export."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import IO, Annotated, Any, NamedTuple

from fastapi import Depends, Query
from starlette.responses import Response, StreamingResponse

from tanger.model.lexicon import SUFFIXES, Variant
from tanger.model.lexicon.entry import by_probability
from tanger.model.lexicon.index import lexicon_key, tidied
from tanger.model.phonology import notation
from tanger.model.phonology.notation import Alphabet
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.phonology.transcription import TranscriptionError
from tanger.model.text.pipeline import Pipeline
from tanger.service.errors import ForbiddenError, InvalidRequestError
from tanger.service.lexicon_schemas import (
    EntryRequest,
    EntryResponse,
    ExportOptions,
    ImportOptions,
    ImportResponse,
    LexiconLanguage,
    WordOptions,
    read_variant,
    written_variant,
)
from tanger.service.pronounce_handler import read_body
from tanger.service.request_body import (
    read_pieces,
    read_timeout,
    shutdown_as_503,
)
from tanger.service.routing import (
    TIMEOUT_HEADER,
    Manager,
    Raw,
    json_body,
    json_response,
    make_router,
    require_key,
)
from tanger.service.schemas import ProblemError
from tanger.service.serving.languages import ServedLanguage
from tanger.service.serving.manager import ModelManager
from tanger.service.user_lexicon.errors import NoEntryError
from tanger.service.user_lexicon.read_only import ReadOnlyLexiconError
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Import, variant_fault, word_fault

_PIECE = 1 << 18
_TEXT = {"schema": {"type": "string"}}
_FILE = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_LEXICON: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The lexicon",
        "content": {"text/plain": _TEXT, "application/pls+xml": _TEXT},
    }
}


router = make_router("lexicon")


class Target(NamedTuple):
    """A user lexicon, and the language of its entries."""

    lexicon: UserLexicon
    language: ServedLanguage

    @property
    def inventory(self) -> Inventory:
        """Return the phonemes that entries may contain."""
        return self.language.inventory

    @property
    def pipeline(self) -> Pipeline:
        """Return the pipeline of the language."""
        return self.language.pronouncer.pipeline


async def find_lexicon(
    manager: ModelManager, requested: str | None, timeout: float, *, write: bool = False
) -> Target:
    """Return the user lexicon of a language; the routes that call it require an API key.

    Args:
        manager: of the models.
        requested: tag of the language; None for the default.
        timeout: seconds to open it.
        write: whether it will be changed.

    Raises:
        ForbiddenError: if there is no user lexicon.
        ReadOnlyLexiconError: if it would be changed, but is read-only.
        LanguageError, DeadlineError, UnavailableError: see `Languages.open`.
    """
    if manager.users.first is None:
        raise ForbiddenError("this is off: there is no user lexicon (TANGER_USER_LEXICON)")
    if write and manager.settings.user_lexicon_read_only:
        raise ReadOnlyLexiconError
    language = await manager.language(requested, timeout=timeout)
    if language.user is None:
        raise ForbiddenError(f"this is off: there is no user lexicon in {language.code}")
    return Target(language.user, language)


async def get_timeout(manager: Manager, raw: Raw) -> float:
    """Return the timeout of the request in seconds."""
    settings = manager.settings
    return read_timeout(raw, default=settings.timeout, limit=settings.max_timeout)


Timeout = Annotated[float, Depends(get_timeout)]
KEY = [Depends(require_key)]


@router.get(
    "/lexicon/{word:text}",
    response_model=EntryResponse,
    openapi_extra=TIMEOUT_HEADER,
    dependencies=KEY,
)
async def get_lexicon_word(
    manager: Manager,
    timeout: Timeout,
    word: str,
    options: Annotated[WordOptions, Query()],
) -> Response:
    """Return the entry of a word in the user lexicon. Needs an API key."""
    with shutdown_as_503():
        target = await find_lexicon(manager, options.language, timeout)
        alphabet = _alphabet(target, options.alphabet)
        read = partial(target.lexicon.get, word)
        found = await target.lexicon.read(read, timeout=timeout)
    if found is None:
        raise NoEntryError(word)
    return _word_response(target, found.spellings[0], found.variants, alphabet)


@router.put(
    "/lexicon/{word:text}",
    response_model=EntryResponse,
    responses={201: {"model": EntryResponse, "description": "There was no such entry"}},
    openapi_extra=json_body(EntryRequest) | TIMEOUT_HEADER,
    dependencies=KEY,
)
async def put_lexicon_word(
    manager: Manager,
    raw: Raw,
    timeout: Timeout,
    word: str,
    options: Annotated[LexiconLanguage, Query()],
) -> Response:
    """Store the pronunciations of a word in the user lexicon. Needs an API key.

    They replace the entry of the word, and are used from the next request on. The response is
    sent once they are on disk.
    """
    with shutdown_as_503():
        target = await find_lexicon(manager, options.language, timeout, write=True)
        body = await read_body(manager, raw, EntryRequest)
        alphabet = _alphabet(target, body.alphabet)
        variants = _checked(target, word, body, alphabet, longest=manager.settings.max_letters)
        if any(variant.alias is not None for variant in variants):
            check = partial(_check_aliases, target, word, variants)
            await target.lexicon.read(check, timeout=timeout)
        new = await target.lexicon.put(word, variants, timeout=timeout)
    status = HTTPStatus.CREATED if new else HTTPStatus.OK
    return _word_response(target, tidied(word), by_probability(variants), alphabet, status)


@router.delete(
    "/lexicon/{word:text}",
    status_code=HTTPStatus.NO_CONTENT,
    openapi_extra=TIMEOUT_HEADER,
    dependencies=KEY,
)
async def delete_lexicon_word(
    manager: Manager, timeout: Timeout, word: str, options: Annotated[LexiconLanguage, Query()]
) -> Response:
    """Delete the entry of a word from the user lexicon. Needs an API key."""
    with shutdown_as_503():
        target = await find_lexicon(manager, options.language, timeout, write=True)
        if not await target.lexicon.delete(word, timeout=timeout):
            raise NoEntryError(word)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/lexicon", response_class=Response, responses=_LEXICON, dependencies=KEY)
async def export_lexicon(
    manager: Manager, timeout: Timeout, options: Annotated[ExportOptions, Query()]
) -> Response:
    """Export the whole user lexicon. Needs an API key."""
    with shutdown_as_503():
        target = await find_lexicon(manager, options.language, timeout)
        alphabet = _alphabet(target, options.alphabet)
        export = target.lexicon.export
        file = await asyncio.to_thread(export, options.format, target.inventory, alphabet)
    return StreamingResponse(
        _pieces(file),
        headers={
            "Content-Disposition": f'attachment; filename="lexicon{SUFFIXES[options.format]}"',
            "Content-Length": str(os.fstat(file.fileno()).st_size),
        },
        media_type="application/pls+xml" if options.format == "pls" else "text/plain",
    )


@router.post(
    "/lexicon",
    response_model=ImportResponse,
    openapi_extra={"requestBody": {"required": True, "content": _FILE}} | TIMEOUT_HEADER,
    dependencies=KEY,
)
async def import_lexicon(
    manager: Manager,
    raw: Raw,
    timeout: Timeout,
    options: Annotated[ImportOptions, Query()],
) -> Response:
    """Import a lexicon in UTF-8: all of it or nothing. Needs an API key.

    Its entries replace those of the same words in the user lexicon.
    """
    settings = manager.settings
    with shutdown_as_503():
        target = await find_lexicon(manager, options.language, timeout, write=True)
    taken = await asyncio.to_thread(
        Import,
        target.lexicon,
        options.format,
        target.inventory,
        alphabet=_alphabet(target, options.alphabet),
        longest=settings.max_letters,
    )
    try:
        with shutdown_as_503():
            pieces = read_pieces(raw, limit=settings.max_lexicon, seconds=settings.body_timeout)
            async for piece in pieces:
                await asyncio.to_thread(taken.feed, piece)
            await asyncio.to_thread(taken.finish)
            if options.replace and not taken.staged.entries:
                message = "there is no entry in it, and replace=true would forget all others"
                raise InvalidRequestError(ProblemError(where="body", message=message))
            await target.lexicon.take(taken.staged.rows, replace=options.replace, timeout=timeout)
    finally:
        taken.close()
    return json_response(
        ImportResponse(
            entries=taken.staged.entries,
            skipped=taken.skipped,
        )
    )


def _alphabet(target: Target, wanted: Alphabet | None) -> Alphabet:
    """Return the alphabet to read or write.

    Raises:
        AlphabetError: if the artifact's phonemes cannot be written in it.
    """
    choices = target.pipeline.alphabets
    return notation.choose(wanted, choices, stressed=None, knows_stress=True)


def _checked(
    target: Target, word: str, body: EntryRequest, alphabet: Alphabet, *, longest: int
) -> list[Variant]:
    """Return the variants of a request body after checking them and the word.

    Raises:
        InvalidRequestError: if any of them is invalid.
    """
    inventory = target.inventory
    faults = [("path.word", word_fault(word, longest=longest))]
    if body.word is not None and lexicon_key(body.word) != lexicon_key(word):
        faults.append(("body.word", f"this is not the word of the path, {word[:80]!r}"))
    variants = []
    for place, item in enumerate(body.pronunciations):
        try:
            variant = read_variant(item, inventory, alphabet)
            fault = variant_fault(variant, inventory, longest=longest)
            variants.append(variant)
        except (TranscriptionError, ValueError) as e:
            fault = str(e)
        faults.append((f"body.pronunciations.{place}", fault))
    if any(fault for _, fault in faults):
        raise InvalidRequestError(
            *(ProblemError(where=where, message=fault) for where, fault in faults if fault)
        )
    return variants


def _check_aliases(target: Target, word: str, variants: Sequence[Variant]) -> None:
    """Check that aliases can be pronounced; runs in the read thread of the user lexicon.

    Raises:
        InvalidRequestError: if one leads back to the word, or cannot be read out.
        UserLexiconError: if the user lexicon cannot be read.
    """
    resolver = target.pipeline.resolver
    faults = [
        ProblemError(where=f"body.pronunciations.{place}", message=fault)
        for place, variant in enumerate(variants)
        if variant.alias is not None and (fault := resolver.alias_fault(word, variant.alias))
    ]
    if faults:
        raise InvalidRequestError(*faults)


def _word_response(
    target: Target,
    word: str,
    variants: Sequence[Variant],
    alphabet: Alphabet,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    items = tuple(written_variant(variant, target.inventory, alphabet) for variant in variants)
    return json_response(EntryResponse(word=word, alphabet=alphabet, pronunciations=items), status)


async def _pieces(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
