import asyncio
import json
from http import HTTPStatus

import httpx
import pytest

from tanger.model.language_tags import LanguageError
from tanger.model.lexicon import EntryError
from tanger.model.phonology.alignment import AlignmentError
from tanger.model.phonology.notation import AlphabetError, StressError
from tanger.model.text.resolution import TextError
from tanger.model.text.ssml import SSMLError
from tanger.service import problems
from tanger.service.api_keys import UnauthorizedError
from tanger.service.app import create_app
from tanger.service.connections.limits import BuffersFullError
from tanger.service.errors import ForbiddenError, InvalidRequestError, UnavailableError
from tanger.service.middleware.browsers import CrossOriginError
from tanger.service.middleware.request_head import HeaderTooLargeError, QueryTooLongError
from tanger.service.representations import NotAcceptableError
from tanger.service.request_body import (
    BodyTooLargeError,
    ContentCodingError,
    NotJSONError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)
from tanger.service.schemas import ProblemError
from tanger.service.serving.pool import WorkerLostError
from tanger.service.serving.queue_items import DeadlineError, QueueFullError
from tanger.service.serving.reloading import ReloadError
from tanger.service.settings import Settings
from tanger.service.user_lexicon.errors import (
    NoEntryError,
    UserLexiconBusyError,
    UserLexiconError,
    UserLexiconStorageError,
)
from tanger.service.user_lexicon.read_only import ReadOnlyLexiconError
from tanger.service.user_lexicon.store import FullEntryError

EXAMPLES = [
    (NotJSONError("no"), 400, "not_json", None),
    (UnauthorizedError(given=False), 401, "unauthorized", None),
    (CrossOriginError("no"), 400, "cross_origin", None),
    (ForbiddenError("no"), 403, "off", None),
    (NotAcceptableError("a/b", ["c/d"]), 406, "not_acceptable", None),
    (RequestTimeoutError("no"), 408, "body_too_slow", None),
    (NoEntryError("tanger"), 404, "no_entry", None),
    (ReloadError("no"), 409, "reload_failed", None),
    (EntryError(1, "new york", ("T",)), 409, "format_cannot_hold", None),
    (FullEntryError("tanger"), 422, "entry_full", None),
    (UserLexiconError("no"), 503, "user_lexicon_failed", "1"),
    (UserLexiconBusyError("no"), 503, "user_lexicon_busy", "1"),
    (UserLexiconStorageError("no"), 503, "user_lexicon_storage", "10"),
    (BodyTooLargeError(1000), 413, "body_too_large", None),
    (QueryTooLongError(10), 414, "query_too_long", None),
    (HeaderTooLargeError("Accept", 10), 431, "header_too_large", None),
    (UnsupportedMediaTypeError("no"), 415, "not_json_type", None),
    (ContentCodingError("gzip"), 415, "compressed", None),
    (InvalidRequestError(ProblemError(where="x", message="y")), 422, "invalid_request", None),
    (AlphabetError("native", ["arpabet"]), 422, "invalid_request", None),
    (AlignmentError(), 422, "invalid_request", None),
    (TextError(), 422, "invalid_request", None),
    (LanguageError("tlh", ["en-US"]), 422, "invalid_request", None),
    (SSMLError(4, "an element", "<foo>"), 422, "invalid_request", None),
    (ReadOnlyLexiconError(), 409, "user_lexicon_read_only", None),
    (StressError("ask without it"), 422, "invalid_request", None),
    (QueueFullError(9, 10, retry_after=0.2), 429, "queue_full", "1"),
    (QueueFullError(9, 10, retry_after=2.5), 429, "queue_full", "3"),
    (UnavailableError("no"), 503, "unavailable", "1"),
    (WorkerLostError("no"), 503, "worker_lost", "1"),
    (BuffersFullError(1000), 503, "buffers_full", "1"),
    (DeadlineError("no", retry_after=3.2), 504, "deadline_missed", "4"),
]


@pytest.fixture(scope="module")
def app(tiny_artifact):
    """The application, with no worker behind it."""
    return create_app(Settings(artifact=tiny_artifact, device="cpu"))


def get(app, path, **headers):
    async def run():
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def failing(app, monkeypatch, error):
    def begin(*_):
        raise error

    monkeypatch.setattr(app.state.manager, "begin", begin)
    return get(app, "/pronounce/a", **{"X-Request-ID": "req-1"})


@pytest.mark.parametrize(("error", "status", "code", "retry_after"), EXAMPLES)
def test_the_table(app, monkeypatch, error, status, code, retry_after):
    answer = failing(app, monkeypatch, error)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "req-1"
    assert answer.headers.get("Retry-After") == retry_after
    problem = answer.json()
    assert list(problem) == ["type", "title", "status", "detail", "code", "request_id", "errors"]
    assert problem["type"] == "about:blank"
    assert problem["title"] == HTTPStatus(status).phrase
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["detail"] == str(error)
    assert problem["request_id"] == "req-1"
    faults = [{"where": "x", "message": "y"}] if isinstance(error, InvalidRequestError) else []
    assert problem["errors"] == faults


def test_every_exception_of_the_table_is_tested():
    assert {type(error) for error, *_ in EXAMPLES} == set(problems.TABLE)


class NarrowerError(DeadlineError):
    """What a library may make of one of the table's exceptions."""


class NarrowestError(NarrowerError):
    """Likewise, twice removed."""


@pytest.mark.parametrize("kind", [NarrowerError, NarrowestError])
def test_a_subclass_is_what_its_base_is(app, monkeypatch, kind):
    answer = failing(app, monkeypatch, kind("no", retry_after=3.2))
    assert answer.status_code == 504
    assert answer.json()["code"] == "deadline_missed"
    assert answer.headers["Retry-After"] == "4"


@pytest.mark.parametrize("error", [BodyTooLargeError(1), RequestTimeoutError("no")])
def test_a_body_that_is_not_read_ends_the_connection(app, monkeypatch, error):
    assert failing(app, monkeypatch, error).headers["Connection"] == "close"


def test_a_fault_of_ours_tells_no_secrets(app, monkeypatch):
    answer = failing(app, monkeypatch, RuntimeError("the password is tanger"))
    assert answer.status_code == 500
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == "req-1"
    problem = answer.json()
    assert problem["status"] == 500
    assert problem["code"] == "internal"
    assert problem["request_id"] == "req-1"
    assert "password" not in json.dumps(problem)


def test_while_no_worker_is_ready(app):
    for path, code in [("/livez", 200), ("/info", 200), ("/openapi.json", 200)]:
        assert get(app, path).status_code == code
    for path in ["/readyz", "/health", "/startupz", "/pronounce/a"]:
        answer = get(app, path)
        assert answer.status_code == 503, path
        assert answer.headers["Retry-After"] == "1"
        assert "starting" in answer.text
