"""POST /text: the contract of its answers, in every form."""

import json
import re
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tanger.service.schemas import TextResponse
from tests.support.live_service import eventually, running

KEY = "a-key-of-the-text-tests"
TEXT = "Dr. Smith read 3 books on Elm St. in 1984. It cost $5 at 3:00 🎄!\nÄ日"


# Longer than a first passage, of words that a dictionary has; and one that only the network knows
KNOWN = "The dog and the cat sat on the mat. " * 10
UNKNOWN = "A flimborough."


@pytest.fixture(scope="module")
def service(tmp_path_factory, shipped_artifact):
    folder = tmp_path_factory.mktemp("text")
    settings = {"max_text": 20_000, "max_response": 1_000_000, "api_keys": KEY}
    settings["user_lexicon"] = folder / "words.db"
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def client(service):
    headers = {"X-API-Key": KEY}
    with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
        yield client


def test_tokens_cover_the_text_and_have_all_keys(client):
    answer = client.post("/text", json={"text": TEXT, "alphabet": "ipa"})
    assert answer.status_code == 200
    found = TextResponse.model_validate_json(answer.content)
    assert found.text == TEXT == "".join(token.text for token in found.tokens)
    at = 0
    for token in found.tokens:
        assert (token.start, TEXT[token.start : token.end]) == (at, token.text)
        at = token.end
    assert found.spoken.startswith(
        "doctor smith read three books on elm street in nineteen eighty four it cost five dollars"
    )
    assert found.pronunciation.startswith("ˈdɑktɚ ˈsmɪθ")
    assert found.warnings[0] == "🎄 -> nothing"
    assert [token.error.code for token in found.tokens if token.error] == ["unspellable"]
    shown = answer.json()
    assert set(shown) == {"model", "text", "spoken", "pronunciation", "tokens", "warnings"}
    assert set(shown["tokens"][0]["words"][0]) == {
        "word", "normalized", "source", "phonemes", "text", "probability", "alignment", "sense",
    }  # fmt: skip


def test_peoples_own_phrases_aliases_and_senses_count(client):
    own = {
        "New Yorkish": ["N UW1"],
        "W3C": [{"alias": "World Wide Web Consortium"}],
        "read": [{"text": "R AE1 D", "sense": "verb past"}, {"text": "R AY1 D", "sense": "noun"}],
        "bass": [{"text": "B AH1 S", "sense": "bass_nou-fish"}],
    }
    text = "She read it\nin New Yorkish. The W3C will read it."
    before = client.post("/text", json={"text": text}).json()
    for word, pronunciations in own.items():
        put = client.put(f"/lexicon/{word}", json={"pronunciations": pronunciations})
        assert put.status_code == 201, put.text
    answer = client.post("/text", json={"text": text}).json()
    assert "".join(token["text"] for token in answer["tokens"]) == text
    for token in answer["tokens"]:
        assert text[token["start"] : token["end"]] == token["text"]
    spoken = {token["text"]: token for token in answer["tokens"] if token["words"]}
    (phrase,) = spoken["New Yorkish"]["words"]
    assert (phrase["source"], phrase["text"]) == ("user", "N UW")
    (alias,) = spoken["W3C"]["words"]
    assert alias["normalized"] == "WORLD-WIDE-WEB-CONSORTIUM"
    assert alias["text"].startswith("W ER L D  W AY D  W EH B  K AH N S AO R SH")
    first, second = (token["words"][0] for token in answer["tokens"] if token["text"] == "read")
    was = [token["words"][0] for token in before["tokens"] if token["text"] == "read"]
    for now, then in zip((first, second), was, strict=True):
        assert now["sense"]["name"] == then["sense"]["name"]
    assert {then["sense"]["name"] for then in was} == {"read_past", "read_present"}
    assert (first["source"], first["text"]) == ("user", "R AE D")
    # None of the entry's is of the present: the table has it, as before
    assert second["text"] == was[1]["text"] == "R IY D"
    ignored = client.post("/text", json={"text": text, "source": "model"}).json()
    assert not {"New Yorkish", "user"} & {token["text"] for token in ignored["tokens"]}
    for word in own:
        assert client.delete(f"/lexicon/{word}").status_code == 204
    assert client.post("/text", json={"text": text}).json() == before


def test_dictionaries_come_first(client):
    words = client.post("/text", json={"text": "read tangerish"}).json()["tokens"]
    sources = [word["source"] for token in words for word in token["words"]]
    assert sources == ["lexicon", "model"]
    model = client.post("/text", json={"text": "tangerish", "source": "model"}).json()
    assert model["tokens"][0]["words"][0]["source"] == "model"


def test_a_homograph_goes_by_its_sentence(client):
    def wind(text):
        (word,) = [
            word
            for token in client.post("/text", json={"text": text}).json()["tokens"]
            for word in token["words"]
            if word["word"] == "wind"
        ]
        (other,) = word["sense"]["alternatives"]
        return word["text"], word["sense"]["name"], other["text"]

    assert wind("The wind was strong.") == ("W IH N D", "wind_nou", "W AY N D")
    assert wind("Please wind the clock.") == ("W AY N D", "wind_vrb", "W IH N D")


def test_weak_forms_on_request(client):
    body = {"text": "The owl of a town.", "alphabet": "ipa"}
    weak = client.post("/text", json={**body, "weak_forms": True}).json()
    assert weak["pronunciation"] == "ði ˈaʊl əv ə ˈtaʊn"
    assert client.post("/text", json=body).json()["pronunciation"] == "ðə ˈaʊl ˈʌv ə ˈtaʊn"


def test_ssml(client):
    text = (
        '<speak>A <phoneme alphabet="ipa" ph="təˈmɑtoʊ">tomato</phoneme>, '
        '<emphasis>not</emphasis> <lang xml:lang="fr">été</lang></speak>'
    )
    answer = client.post("/text", json={"text": text, "ssml": True, "alphabet": "ipa"})
    found = TextResponse.model_validate_json(answer.content)
    assert found.text == text == "".join(token.text for token in found.tokens)
    assert found.pronunciation == "ə təˈmɑtoʊ ˈnɑt"
    assert found.warnings == ("<emphasis> is ignored",)
    assert [token.error.code for token in found.tokens if token.error] == ["other_language"]


def test_faults_of_ssml_are_named_with_their_place(client):
    answer = client.post("/text", json={"text": "<speak>a <foo/></speak>", "ssml": True})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "character 10" in answer.json()["detail"]
    assert "<foo>" in answer.json()["detail"]


def test_a_pronunciation_in_the_text_counts(client):
    text = "Say [tanger](/ˈtɑnʒɚ/), not [tanger](/docs/)."
    found = client.post("/text", json={"text": text, "alphabet": "ipa"}).json()
    words = [word for token in found["tokens"] for word in token["words"]]
    assert [word["text"] for word in words] == ["ˈseɪ", "ˈtɑnʒɚ", "ˈnɑt", "ˈtæŋɚ"]
    assert [word["source"] for word in words] == ["lexicon", "override", "lexicon", "lexicon"]
    assert found["tokens"][2]["text"] == "[tanger](/ˈtɑnʒɚ/)"
    query = {"alphabet": "ipa", "explain": "true", "alignment": "true"}
    alone = client.get("/pronounce/%5Btanger%5D(%2F%CB%88t%C9%91n%CA%92%C9%9A%2F)", params=query)
    (result,) = alone.json()["results"]
    assert (result["source"], result["pronunciations"][0]["text"]) == ("override", "ˈtɑnʒɚ")
    assert (result["explain"]["source"], result["explain"]["rule"]) == ("override", None)
    assert result["pronunciations"][0]["alignment"]["letters"] == list("TANGER")


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/plain", "HH AY.  TH R IY  AH K L AA K.\n"),
        (
            "text/tab-separated-values",
            "hi\tHH AY\tword\tHi\nthree\tTH R IY\ttime\t3:00\no'clock\tAH K L AA K\ttime\t3:00\n",
        ),
    ],
)
def test_other_forms(client, accept, expected):
    answer = client.post(
        "/text", json={"text": "Hi. 3:00.", "punctuation": True}, headers={"Accept": accept}
    )
    assert answer.headers["Content-Type"].startswith(accept)
    assert answer.text == expected


def test_a_sentence_a_line(client):
    answer = client.post(
        "/text", json={"text": "Dr. Lee left. Why? OK"}, headers={"Accept": "application/jsonl"}
    )
    lines = list(map(json.loads, answer.text.splitlines()))
    assert [line["text"] for line in lines] == ["Dr. Lee left. ", "Why? ", "OK"]
    assert lines[1]["tokens"][0]["start"] == 14


def stream(client, text, **headers):
    """The lines of an answer by the sentence, one by one."""
    headers = {"Accept": "application/jsonl", **headers}
    with client.stream("POST", "/text", json={"text": text}, headers=headers) as answer:
        assert answer.status_code == 200
        yield from map(json.loads, answer.iter_lines())


def test_the_first_sentences_are_sent_before_the_last_are_decoded(service, client):
    with service.stopped_workers():
        lines = stream(client, KNOWN + UNKNOWN)
        first = next(lines)
    assert first["text"] == "The dog and the cat sat on the mat. "
    found = [first, *lines]
    assert "".join(line["text"] for line in found) == KNOWN + UNKNOWN
    assert found[-1]["tokens"][2]["words"][0]["source"] == "model"
    starts = [line["tokens"][0]["start"] for line in found]
    assert starts == [36 * place for place in range(11)]


def test_an_error_after_the_status_is_the_last_line(service, client):
    with service.stopped_workers():
        *lines, last = stream(client, f"{KNOWN}A flumborough.", **{"X-Request-Timeout": "0.5"})
    assert len(lines) >= 1
    assert all("tokens" in line for line in lines)
    assert (last["status"], last["code"]) == (504, "deadline_missed")


def test_a_full_queue_is_waited_for_in_the_midst_of_a_text(shipped_artifact, tmp_path):
    others = [f"flimb{letter * 3}" for letter in "abcdefghijklmnop"]
    small = {"queue_letters": 200, "max_words": 20, "max_letters": 10}
    with running(tmp_path / "log", artifact=shipped_artifact, **small) as service:
        service.wait_until_ready()
        with (
            httpx.Client(base_url=service.url, timeout=60) as client,
            ThreadPoolExecutor() as elsewhere,
        ):
            with service.stopped_workers():
                for ending in "wx":  # the workers have taken some of them, the others wait
                    words = {"words": [f"{word}{ending}" for word in others], "source": "model"}
                    elsewhere.submit(httpx.post, f"{service.url}/pronounce", json=words, timeout=60)
                waiting = re.compile(r"^tanger_queue_letters 1\d\d\.", re.MULTILINE)
                eventually(lambda: waiting.search(client.get("/metrics").text), "a full queue")
                refused = client.post(
                    "/text",
                    json={"text": "A " + " ".join(f"{word}y" for word in others)},
                    headers={"Accept": "application/jsonl"},
                )
                assert (refused.status_code, refused.json()["code"]) == (429, "queue_full")
                rest = " ".join(f"{word}z" for word in others)
                lines = stream(client, f"{KNOWN}{rest}.")
                first = next(lines)
                time.sleep(0.3)
            found = [first, *lines]
    assert "".join(line["text"] for line in found) == f"{KNOWN}{rest}."
    assert all(token["error"] is None for line in found for token in line["tokens"])


@contextmanager
def begun(service, body, length, **headers):
    """The connection of a request for a text whose answer is not read; closed at the end."""
    lines = [
        *("POST /text HTTP/1.1", "Host: test", "Content-Type: application/json"),
        *(f"{name}: {value}" for name, value in headers.items()),
        *("Connection: close", f"Content-Length: {length}", "", ""),
    ]
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect(("127.0.0.1", service.port))
        connection.sendall("\r\n".join(lines).encode() + body)
        yield connection


def test_full_buffers_are_waited_for_in_the_midst_of_a_text(shipped_artifact, tmp_path):
    limit = 1 << 20
    small = {"max_response": limit, "max_buffered": limit, "max_body": 2 * limit}
    with running(tmp_path / "log", artifact=shipped_artifact, body_timeout=60, **small) as service:
        service.wait_until_ready()
        held = re.compile(r"^tanger_buffered_bytes (\S+)", re.MULTILINE)
        with httpx.Client(base_url=service.url, timeout=60) as client:

            def full():
                return float(held.search(client.get("/metrics").text)[1]) >= limit

            with begun(service, b" " * limit, limit + 1):
                eventually(full, "full buffers")
                refused = client.post("/text", json={"text": KNOWN * 20})
                assert (refused.status_code, refused.json()["code"]) == (503, "buffers_full")
                lines = stream(client, KNOWN * 20)
                found = [next(lines)]
                time.sleep(0.3)
            found += lines
    assert "".join(line.get("text", repr(line)) for line in found) == KNOWN * 20


def test_the_time_in_which_the_client_reads_is_not_that_of_the_request(shipped_artifact, tmp_path):
    with running(tmp_path / "log", artifact=shipped_artifact, send_timeout=60) as service:
        service.wait_until_ready()
        headers = {"Accept": "application/jsonl", "X-Request-Timeout": "60"}
        text = KNOWN * 250  # more than the system buffers
        started = time.monotonic()
        httpx.post(f"{service.url}/text", json={"text": text}, headers=headers, timeout=60)
        seconds = 1 + 3 * (time.monotonic() - started)
        headers["X-Request-Timeout"] = f"{min(60, seconds):g}"
        body = json.dumps({"text": text + UNKNOWN}).encode()
        with begun(service, body, len(body), **headers) as connection:
            assert connection.recv(1)
            time.sleep(seconds + 0.5)
            received = bytearray()
            while some := connection.recv(1 << 20):
                received += some
    assert b"deadline_missed" not in received
    assert received.count(b'{"text":"The dog') == 2500
    assert received.count(UNKNOWN.encode()) > 0


def test_what_fails_before_the_first_sentence_has_its_status(service, client):
    headers = {"Accept": "application/jsonl", "X-Request-Timeout": "0.5"}
    with service.stopped_workers():
        answer = client.post("/text", json={"text": "A flomborough."}, headers=headers)
    assert answer.status_code == 504
    body = {"text": "<speak>", "ssml": True}
    answer = client.post("/text", json=body, headers={"Accept": "application/jsonl"})
    assert answer.status_code == 422
    answer = client.post("/text", json={"text": ""}, headers={"Accept": "application/jsonl"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_alignment_is_that_of_words(client):
    body = {"text": "A tangerish ½ [x](/ɑb/).", "alignment": True}
    words = [
        word
        for token in client.post("/text", json=body).json()["tokens"]
        for word in token["words"]
    ]
    for word in words:
        aligned = word["alignment"]
        assert "".join(aligned["letters"]) == word["normalized"]
        assert [each["phoneme"] for each in aligned["phonemes"]] == word["phonemes"]
    alone = client.get("/pronounce/tangerish?alignment=true").json()["results"][0]
    assert words[1]["alignment"] == alone["pronunciations"][0]["alignment"]


def test_an_answer_that_is_too_long_is_refused_unless_by_the_sentence(client):
    body = {"text": KNOWN * 20, "alignment": True}
    answer = client.post("/text", json=body)
    assert answer.status_code == 422
    assert "application/jsonl" in answer.json()["detail"]
    lines = client.post("/text", json=body, headers={"Accept": "application/jsonl"})
    assert len(lines.text.splitlines()) == 200
    plain = client.post("/text", json=body, headers={"Accept": "text/plain"})
    assert plain.status_code == 200


def test_long_tokens_are_no_long_rows(client):
    headers = {"Accept": "text/tab-separated-values"}
    answer = client.post("/text", json={"text": "1" * 300}, headers=headers)
    assert answer.text.splitlines() == [f"one\tW AH N\tnumber\t{'1' * 64}..."] * 300


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": ""}, 200),
        ({"text": "a" * 20_001}, 422),
        ({"text": "a", "n": 3}, 422),
        ({"text": 1}, 422),
        ({}, 422),
        ({"text": "a", "alphabet": "native"}, 422),
        ({"text": "a " * 1_000}, 200),
    ],
)
def test_limits_and_faults(client, body, status):
    answer = client.post("/text", json=body)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_form_that_there_is_not(client):
    answer = client.post("/text", json={"text": "a"}, headers={"Accept": "image/png"})
    assert answer.status_code == 406


def test_schemathesis_finds_nothing(service, tmp_path):
    checks = (
        "not_a_server_error,status_code_conformance,content_type_conformance,"
        "response_schema_conformance,response_headers_conformance"
    )
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json",
         # A deadline of less than a moment is rightly missed
         "-H", "X-Request-Timeout: 30", "-H", f"X-API-Key: {KEY}",
         "--include-path", "/text", "--max-examples", "20", "--phases", "examples,coverage,fuzzing",
         "--no-color", "--seed", "1", "--checks", checks],
        cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
