import asyncio
import itertools
import json
import re
import socket
import subprocess
import sys
import threading
import time
import typing

import httpx
import pytest

from tanger.service import lexicon_schemas, schemas
from tanger.service.client import AsyncClient, Client, Options, Retries, errors
from tanger.service.client.errors import (
    BadAnswerError,
    ForbiddenError,
    InvalidRequestError,
    NoAnswerError,
    NotFoundError,
    QueueFullError,
    StatusError,
    TimedOutError,
    UnauthorizedError,
    UnavailableError,
)
from tanger.service.client.retries import Attempts, retry_after
from tests.support import ROOT
from tests.support.faulty_proxy import CUT, DROP, DROP_ANSWER, Refusal, proxy_to
from tests.support.live_service import eventually, post, running

MAX_WORDS = 6
# Enough that a loaded machine never comes to its end; waits are short where a test does not ask.
PATIENT = Retries(deadline=120, first_wait=0.01, longest_wait=0.02)
KEY = "a-key-for-the-client"


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    """One worker, small requests, and a queue that holds a single one of them."""
    limits = {"max_words": MAX_WORDS, "queue_letters": MAX_WORDS * 64, "max_body": 2048}
    limits |= {"decode_timeout": 120, "cache_words": 0, "check_every": 1000, "timeout": 60}
    log = tmp_path_factory.mktemp("client") / "log"
    with running(log, artifact=tiny_artifact, **limits) as service:
        service.wait_until_ready()
        yield service
        assert service.stop() == 0


@pytest.fixture
def proxy(service):
    with proxy_to(service.port) as proxy:
        yield proxy


@pytest.fixture(params=["sync", "async"])
def ask(request):
    """``ask(url, words, retries=..., alphabet=...)`` by either client."""

    def split(given):
        options = {name: given.pop(name) for name in list(given) if name in Options.__annotations__}
        return {"retries": PATIENT, **given}, options

    def sync(url, words, **given):
        arguments, options = split(given)
        with Client(url, **arguments) as client:
            return client.pronounce(words, **options)

    def in_a_loop(url, words, **given):
        arguments, options = split(given)

        async def ask():
            async with AsyncClient(url, **arguments) as client:
                return await client.pronounce(words, **options)

        return asyncio.run(ask())

    return sync if request.param == "sync" else in_a_loop


def words_of(count):
    """Different words of the little language."""
    return ["".join(w) for w in itertools.islice(itertools.product("BAD", "EAT", "NRG"), count)]


def test_results_are_those_of_the_service(service, ask):
    words = ["tanger", "Bäd", "42", ""]
    reported = httpx.post(f"{service.url}/pronounce", json={"words": words}).json()
    results = ask(service.url, words)
    assert all(isinstance(result, schemas.Result) for result in results)
    assert [result.model_dump(mode="json") for result in results] == reported["results"]
    assert results[0].pronunciations[0].phonemes == ("T", "AE", "NG", "ER")
    assert results[2].error.code == "unspellable"


def test_options_are_sent(service, ask):
    (result,) = ask(service.url, ["tanger"], alphabet="cntk", source="model", stress=False)
    assert result.pronunciations[0].text == "~T ~AE ~NG ~ER"


def test_every_option_of_the_service_can_be_requested():
    def values(annotation):
        """What a type of literals allows."""
        annotation = getattr(annotation, "__value__", annotation)  # of a type with a name
        parts = typing.get_args(annotation)
        return {v for part in parts for v in values(part)} if parts else {annotation}

    taken = typing.get_type_hints(Options)
    for name, field in schemas.Options.model_fields.items():
        assert values(field.annotation) - {type(None)} <= values(taken[name]), name


def test_a_long_list_goes_in_requests_of_the_size_that_the_service_takes(proxy, ask):
    words = words_of(20)
    results = ask(proxy.url, words)
    assert [result.word for result in results] == words
    assert proxy.paths() == ["/info"] + ["/pronounce"] * 4


def test_more_work_goes_in_fewer_words_to_a_request(proxy, ask):
    words = words_of(10)
    results = ask(proxy.url, words, n=10, alignment=True)
    assert [result.word for result in results] == words
    assert all(result.pronunciations[0].alignment for result in results)
    assert len([path for path in proxy.paths() if path == "/pronounce"]) > 2


def test_long_words_go_in_fewer_to_a_request(proxy, ask):
    words = ["B" * 600, "bad", "Ä" * 300, "bed", "é" * 300, "ten"]
    assert [result.word for result in ask(proxy.url, words)] == words
    bodies = [seen.body for seen in proxy.seen if seen.method == "POST"]
    assert len(bodies) == 2
    assert all(len(body) <= 2048 for body in bodies)


def test_limits_are_requested_once_and_an_empty_list_asks_for_nothing(proxy):
    with Client(proxy.url) as client:
        assert client.pronounce([]) == []
        assert proxy.seen == []
        assert client.pronounce(["bad"]) == client.pronounce(["bad"])
        assert proxy.paths() == ["/info", "/pronounce", "/pronounce"]
        assert client.info().limits.words == MAX_WORDS


def test_streaming_takes_words_only_as_they_are_needed(service):
    taken = []

    def endless():
        for word in itertools.cycle(words_of(27)):
            taken.append(word)
            yield word

    with Client(service.url) as client:
        results = list(itertools.islice(client.stream(endless()), 20))
    assert [result.word for result in results] == taken[:20]
    assert len(taken) == 24  # the requests that hold the first twenty


def test_async_streaming_is_in_order_and_ahead_by_its_concurrency(proxy):
    taken = []

    async def endless():
        for word in itertools.cycle(words_of(27)):
            taken.append(word)
            yield word

    async def some():
        found = []
        async with AsyncClient(proxy.url, concurrency=3, retries=PATIENT) as client:
            stream = client.stream(endless())
            async for result in stream:
                found.append(result.word)
                if len(found) == 20:
                    await stream.aclose()
        return found

    found = asyncio.run(some())
    assert found == taken[:20]
    assert len(taken) <= 20 + 3 * MAX_WORDS


def test_async_requests_are_under_way_together_and_no_more_than_requested(proxy):
    proxy.together = threading.Barrier(3)  # no request is answered before three of them are there
    words = words_of(27) + words_of(27)  # nine requests

    async def some():
        async with AsyncClient(proxy.url, concurrency=3, retries=Retries(attempts=1)) as client:
            return await client.pronounce(words)

    proxy.script.extend([None, *[_answer_without_sound] * 9])  # the service's queue holds but one
    assert [result.word for result in asyncio.run(some())] == words
    assert proxy.max_under_way == 3


def _answer_without_sound(seen):
    nothing = {
        "normalized": None,
        "source": None,
        "pronunciations": [],
        "warnings": [],
        "explain": None,
    }
    results = [{"word": w, "error": None, **nothing} for w in json.loads(seen.body)["words"]]
    body = {"model": {"name": "", "version": "", "language": "en"}, "results": results}
    return Refusal(200, {}, json.dumps(body).encode())


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_service_is_requested_again(proxy, ask, status):
    proxy.script.extend([None, Refusal(status, {}), Refusal(status, {"Retry-After": "0"})])
    (result,) = ask(proxy.url, ["bad"])
    assert result.pronunciations[0].text == "B AE D"
    posts = [seen for seen in proxy.seen if seen.method == "POST"]
    assert len(posts) == 3
    assert len({seen.headers["X-Request-ID"] for seen in posts}) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "1"},
        {
            "Date": "Mon, 05 Jan 2026 10:00:00 GMT",
            "Retry-After": "Mon, 05 Jan 2026 10:00:01 GMT",
        },
    ],
)
def test_not_before_it_says(proxy, ask, headers):
    proxy.script.extend([None, Refusal(429, headers)])
    started = time.monotonic()
    ask(proxy.url, ["bad"])
    assert time.monotonic() - started >= 1


@pytest.mark.parametrize("mishap", [DROP, CUT])
def test_a_dropped_connection(proxy, ask, mishap):
    proxy.script.extend([mishap, None, mishap, mishap])
    assert ask(proxy.url, ["bad"])[0].pronunciations[0].text == "B AE D"
    assert proxy.paths() == ["/info"] * 2 + ["/pronounce"] * 3


def test_patience_has_an_end(proxy, ask):
    proxy.script.extend([None] + [Refusal(503, {})] * 3 + [DROP] * 3)
    with pytest.raises(UnavailableError) as refused:
        ask(proxy.url, ["bad"], retries=Retries(attempts=3, first_wait=0.01))
    assert refused.value.attempts == 3
    with pytest.raises(NoAnswerError) as silent:
        ask(proxy.url, ["bad"], retries=Retries(attempts=3, first_wait=0.01))
    assert silent.value.attempts == 3
    assert silent.value.request_id == proxy.seen[-1].headers["X-Request-ID"]
    assert isinstance(silent.value.__cause__, httpx.RemoteProtocolError)


def test_nobody_waits_for_what_comes_after_the_deadline(proxy, ask):
    proxy.script.extend([None, Refusal(429, {"Retry-After": "3600"})])
    with pytest.raises(QueueFullError) as refused:
        ask(proxy.url, ["bad"])
    assert refused.value.attempts == 1
    assert refused.value.retry_after == 3600


def test_a_full_queue_and_then_none(service, ask):
    """The real thing: a worker that hangs, a queue that is full, and both of them well again."""
    first, second = ([f"{a}{b}".ljust(64, "A") for b in "ABDEGN"] for a in "BD")
    hasty = {"timeout": 0.05, "retries": Retries(attempts=1)}
    answers, waiting = [], []
    asking = threading.Thread(
        target=lambda: answers.extend(ask(service.url, ["bad"], retries=Retries(attempts=50)))
    )

    def full():
        if waiting[-1].answered():  # "bed" stood in its way
            waiting.append(service.send(post(second)))
        with pytest.raises((QueueFullError, TimedOutError)) as refused:
            ask(service.url, ["bed"], **hasty)
        return refused.value if isinstance(refused.value, QueueFullError) else None

    with service.stopped_workers():
        with pytest.raises(TimedOutError) as late:
            ask(service.url, first, **hasty)
        assert (late.value.status, late.value.code) == (504, "deadline_missed")
        waiting.append(service.send(post(second)))
        refused = eventually(full, "the queue to be full")
        assert (refused.status, refused.code) == (429, "queue_full")
        assert refused.retry_after >= 1
        assert refused.detail
        assert refused.detail in str(refused)
        asking.start()
    assert waiting[-1].answer().status_code == 200
    asking.join()
    assert answers[0].pronunciations[0].text == "B AE D"


def test_the_timeout_is_reported_to_the_service(proxy, ask):
    ask(proxy.url, ["bad"], timeout=7)
    assert {seen.headers["X-Request-Timeout"] for seen in proxy.seen} == {"7.000"}
    ask(proxy.url, ["bad"])
    assert "X-Request-Timeout" not in proxy.seen[-1].headers


def test_faults_of_a_request_come_with_their_places(service, ask):
    with pytest.raises(InvalidRequestError, match=r"422 .*body\.alphabet: Input should be") as bad:
        ask(service.url, ["bad"], alphabet="klingon")
    assert (bad.value.status, bad.value.code) == (422, "invalid_request")
    assert [error.where for error in bad.value.errors] == ["body.alphabet"]
    assert bad.value.request_id
    with pytest.raises(InvalidRequestError, match="X-Request-Timeout"):
        ask(service.url, ["bad"], timeout=1e6, retries=Retries(deadline=1e7))


def test_a_key_is_sent_and_never_shown(tiny_artifact, tmp_path, ask):
    with running(tmp_path / "log", artifact=tiny_artifact, api_keys=KEY) as service:
        service.wait_until_ready()
        assert ask(service.url, ["bad"], api_key=KEY)[0].error is None
        for wrong in (None, "another-key-than-that"):
            with pytest.raises(UnauthorizedError) as refused:
                ask(service.url, ["bad"], api_key=wrong)
            assert refused.value.code == "unauthorized"
            assert refused.value.attempts == 1
        with Client(service.url, api_key=KEY) as client:
            assert repr(client) == f"Client('{service.url}')"
            assert KEY not in str(vars(client)["_http"])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html>", BadAnswerError),
        (
            b'{"model": {"name": "", "version": "", "language": "en"}, "results": []}',
            BadAnswerError,
        ),
    ],
)
def test_another_server(proxy, ask, body, error):
    proxy.script.extend([None, Refusal(200, {}, body)])
    with pytest.raises(error, match="/pronounce does not answer as tanger's service does"):
        ask(proxy.url, ["bad"])


def test_a_proxy_with_a_page_of_its_own(proxy, ask):
    proxy.script.extend([None, Refusal(502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway")])
    with pytest.raises(StatusError, match="502 Bad Gateway: <h1>Bad Gateway") as refused:
        ask(proxy.url, ["bad"])
    assert (refused.value.status, refused.value.code, refused.value.errors) == (502, "", ())
    assert refused.value.request_id == proxy.seen[-1].headers["X-Request-ID"]


def test_nobody_there(ask):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(NoAnswerError) as silent:
        ask(url, ["bad"], retries=Retries(attempts=2, first_wait=0.01))
    assert silent.value.attempts == 2
    assert isinstance(silent.value.__cause__, httpx.ConnectError)


@pytest.mark.parametrize(
    ("words", "error", "reported"),
    [
        ("tanger", TypeError, r"\['tanger'\]"),
        ([b"tanger"], TypeError, "b'tanger'"),
        (["bad", "\ud800"], ValueError, "surrogate"),
    ],
)
def test_what_is_no_list_of_words(service, ask, words, error, reported):
    with pytest.raises(error, match=reported):
        ask(service.url, words)


def test_what_is_no_service():
    with pytest.raises(ValueError, match="http://"):
        Client("localhost:8000")
    with pytest.raises(ValueError, match="timeout"):
        Client(timeout=0)
    with pytest.raises(ValueError, match="concurrency"):
        AsyncClient(concurrency=0)


def answer(status, code):
    described = {
        "title": "", "status": status, "detail": "", "code": code, "request_id": "id",
    }  # fmt: skip
    return httpx.Response(status, json=described, request=httpx.Request("DELETE", "http://x"))


def test_a_word_that_kills_is_not_requested_again():
    attempts = Attempts(PATIENT, "id")
    assert attempts.after_refusal(attempts.refusal(answer(503, "stopping"))) >= 0
    attempts = Attempts(PATIENT, "id")
    with pytest.raises(UnavailableError) as reported:
        attempts.after_refusal(attempts.refusal(answer(503, "worker_lost")))
    assert reported.value.attempts == 1


def test_what_a_stopping_service_may_have_deleted_is_deleted():
    absent = answer(404, "not_found")
    attempts = Attempts(PATIENT, "id", deletes=True)
    assert not attempts.is_done(absent)
    attempts.after_refusal(attempts.refusal(answer(503, "stopping")))
    assert attempts.is_done(absent)


def test_waits_grow_to_their_ceiling_and_differ():
    retries = Retries(attempts=1000, first_wait=1, longest_wait=8, deadline=1e6)
    pursuits = [Attempts(retries, "id") for _ in range(200)]
    for ceiling in (1, 2, 4, 8, 8, 8):
        waits = [attempts.after_failure(httpx.ReadError("")) for attempts in pursuits]
        assert max(waits) <= ceiling
        assert max(waits) > ceiling * 0.8  # of two hundred draws
        assert len(set(waits)) > 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": "Mon, 05 Jan 2026 10:00:09 GMT",
          "Date": "Mon, 05 Jan 2026 10:00:00 GMT"}, 9),
        ({"Retry-After": "Mon, 05 Jan 2026 10:00:00 GMT"}, 0),  # long gone
    ],
)  # fmt: skip
def test_retry_after(headers, seconds):
    assert retry_after(httpx.Headers(headers)) == seconds


def test_every_status_of_the_service_has_a_name():
    for status in (400, 401, 403, 404, 413, 422, 429, 503, 504):
        answer = httpx.Response(status, request=httpx.Request("GET", "http://test"))
        error = errors.of_answer(answer, request_id="id", retry_after=None)
        assert type(error) is not StatusError
        assert error.status == status


def test_it_needs_neither_torch_nor_the_web_framework():
    program = (
        "import sys\n"
        "for name in ('torch', 'fastapi', 'starlette', 'uvicorn'):\n"
        "    sys.modules[name] = None\n"
        "from tanger.service.client import Client, AsyncClient\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=ROOT, check=True)


@pytest.fixture(scope="module")
def kept(tiny_artifact, tmp_path_factory):
    """A service that keeps people's own words."""
    folder = tmp_path_factory.mktemp("kept")
    settings = {"api_keys": KEY, "user_lexicon": folder / "own.sqlite"}
    with running(folder / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


class Waiting:
    """An `AsyncClient` behind a `Client`'s face."""

    def __init__(self, *arguments, **settings):
        self.settings = arguments, settings

    def __getattr__(self, name):
        def call(*arguments, **options):
            async def once():
                async with AsyncClient(*self.settings[0], **self.settings[1]) as client:
                    return await getattr(client, name)(*arguments, **options)

            return asyncio.run(once())

        return call

    def close(self):
        pass


@pytest.mark.parametrize("kind", [Client, Waiting])
@pytest.mark.parametrize("word", ["tanger", "..", "a/b?c=d#e", "Ünter den", "100%", "."])
def test_own_words(kept, kind, word):
    client = kind(kept.url, api_key=KEY, retries=PATIENT)
    with pytest.raises(NotFoundError):
        client.get_word(word)
    reported = client.put_word(word, "T AE NG ER", "T AE NG G ER")
    assert isinstance(reported, lexicon_schemas.EntryResponse)
    assert reported.pronunciations == ("T AE NG ER", "T AE NG G ER")
    assert client.get_word(word) == reported
    in_ipa = client.put_word(word, "ˈtæŋɚ", alphabet="ipa")
    assert (in_ipa.alphabet, in_ipa.pronunciations) == ("ipa", ("ˈtæŋɚ",))
    assert client.get_word(word).pronunciations == ("T AE1 NG ER0",)
    assert client.put_word(word, *reported.pronunciations) == reported
    alias = lexicon_schemas.EntryPronunciation(alias="bad bed", sense="noun")
    with_alias = client.put_word(word, "T AE NG ER", alias)
    assert with_alias.pronunciations == ("T AE NG ER", alias)
    assert client.put_word(word, *with_alias.pronunciations) == with_alias
    assert client.put_word(word, *reported.pronunciations) == reported
    (result,) = client.pronounce([word], source="auto", n=2)
    assert result.source == "user"
    assert [p.text for p in result.pronunciations] == ["T AE NG ER", "T AE NG G ER"]
    client.delete_word(word)
    with pytest.raises(NotFoundError) as gone:
        client.delete_word(word)
    assert gone.value.attempts == 1
    client.close()


@pytest.mark.parametrize("kind", [Client, Waiting])
def test_own_words_over_a_bad_connection(kept, kind):
    with proxy_to(kept.port) as proxy:
        client = kind(proxy.url, api_key=KEY, retries=PATIENT)
        proxy.script.extend([DROP, CUT])
        assert client.put_word("bad", "B AE D").pronunciations == ("B AE D",)
        # Deleted, and the answer lost: that it is not there the next time is no surprise
        proxy.script.extend([DROP_ANSWER])
        client.delete_word("bad")
        with pytest.raises(NotFoundError):
            client.get_word("bad")
        client.close()


def test_what_is_no_pronunciation(kept):
    with Client(kept.url, api_key=KEY) as client:
        with pytest.raises(InvalidRequestError, match=r"body\.pronunciations\.1") as refused:
            client.put_word("bad", "B AE D", "B XX D")
        assert [error.where for error in refused.value.errors] == ["body.pronunciations.1"]
        with pytest.raises(InvalidRequestError, match="pronunciations"):
            client.put_word("bad")


def test_own_words_are_off_without_keys(service):
    with Client(service.url) as client, pytest.raises(ForbiddenError) as refused:
        client.put_word("bad", "B AE D")
    assert (refused.value.status, refused.value.code) == (403, "off")


def test_the_example_of_the_readme_runs(service, capsys):
    readme = (ROOT / "README.md").read_text()
    (block,) = re.findall(r"```python\n(# .*?from tanger import Client.*?)```", readme, re.DOTALL)
    assert "http://localhost:8000" in block
    exec(compile(block.replace("http://localhost:8000", service.url), "README.md", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("tanger ['")
    assert second == "Ångström []"  # the little language has no O
