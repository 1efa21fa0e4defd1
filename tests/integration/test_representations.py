import json

import httpx
import pytest

from tanger.service import representations
from tanger.service.representations import NotAcceptableError
from tanger.service.request_body import RawRequest
from tanger.service.schemas import ModelName, PronounceResponse, Pronunciation, Result, WordError
from tests.support.live_service import running

JSON, LINES, TABBED = "application/json", "application/jsonl", "text/tab-separated-values"


def asking(*accept):
    headers = [(b"accept", each.encode("latin-1")) for each in accept]
    return RawRequest({"headers": headers, "query_string": b""}, None)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ([], JSON),
        ([""], JSON),
        (["*/*"], JSON),
        (["*"], JSON),
        (["application/*"], JSON),
        ([JSON], JSON),
        (["Application/JSON; charset=utf-8"], JSON),
        ([TABBED], TABBED),
        ([LINES], LINES),
        (["text/*"], TABBED),
        ([f"{JSON}, {TABBED}, {LINES}"], JSON),
        ([f"{JSON};q=0.5, {TABBED};q=0.9"], TABBED),
        ([f"{JSON};q=0.5", f"{TABBED};q=0.9"], TABBED),
        ([f"{TABBED};q=0.5, */*;q=0.8"], JSON),
        ([f"{TABBED}, */*;q=0.1"], TABBED),
        ([f"{LINES};q=0.5, application/*;q=0.9"], JSON),
        ([f"{JSON};q=0, {LINES};q=0, */*"], TABBED),
        (["text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8"], JSON),
    ],
)
def test_what_the_other_side_likes_best(accept, chosen):
    assert representations.choose(asking(*accept)) == chosen


@pytest.mark.parametrize(
    "accept",
    ["text/html", "*/*;q=0", f"{JSON};q=0", "application/problem+json", "json", "a/b/c", "\xff"],
)
def test_what_there_is_not(accept):
    with pytest.raises(NotAcceptableError, match=f"takes none of {JSON}, {LINES}, {TABBED}"):
        representations.choose(asking(accept))


def test_every_form_has_an_entity_tag_of_its_own():
    tags = {representations.tagged('"abc"', each) for each in (JSON, LINES, TABBED)}
    assert tags == {'"abc"', '"abc-jsonl"', '"abc-tab-separated-values"'}


def test_no_line_is_lost_and_none_is_broken():
    def result(word, *texts, warnings=(), error=None):
        spoken = [
            Pronunciation(
                phonemes=tuple(t.split()), text=t, probability=0.5, complete=True, alignment=None
            )
            for t in texts
        ]
        return Result(
            word=word, normalized=word.upper() if texts else None, source=None,
            pronunciations=tuple(spoken), warnings=warnings, error=error, explain=None,
        )  # fmt: skip

    answer = PronounceResponse(
        model=ModelName(name="x", version="y", language="en-US"),
        results=(
            result("two", "T UW", "T UH"),
            result("a\tb\\c\nd\re", "AH", warnings=("x -> y", "z -> nothing")),
            result("", error=WordError(code="empty", message="there is none")),
        ),
    )
    reported = [each.model_dump_json() for each in answer.results]

    def body(results, media_type):
        parts = list(map(representations.form_of(media_type), results))
        return b"".join(representations.parts(answer.model, parts, media_type)).decode()

    assert body(reported, TABBED) == (
        "two\tT UW\t\n"
        "two\tT UH\t\n"
        "a\\tb\\\\c\\nd\\re\tAH\tx -> y; z -> nothing\n"
        "\t\tempty: there is none\n"
    )
    lines = body(reported, LINES).splitlines()
    whole = json.loads(body(reported, JSON))
    assert whole == answer.model_dump(mode="json")
    assert list(map(json.loads, lines)) == whole["results"]


# Over HTTP, with the shipped artifact


@pytest.fixture(scope="module")
def client(shipped_artifact, tmp_path_factory):
    log = tmp_path_factory.mktemp("service") / "log"
    with (
        running(log, artifact=shipped_artifact) as service,
        httpx.Client(base_url=service.url, timeout=60) as client,
    ):
        service.wait_until_ready()
        yield client
        assert "Traceback" not in service.log


def test_a_line_a_pronunciation(client):
    requested = {"words": ["tanger", "BBC", "日本", "42"], "alphabet": "ipa"}
    answer = client.post("/pronounce", json=requested, headers={"Accept": TABBED})
    assert answer.headers["Content-Type"] == f"{TABBED}; charset=utf-8"
    assert answer.headers["Vary"] == "Accept"
    lines = [line.split("\t") for line in answer.text.splitlines()]
    assert [line[:2] for line in lines] == [
        ["tanger", "ˈtæŋɚ"],
        ["BBC", "ˈbiˈbiˈsi"],
        ["日本", ""],
        ["42", "ˈfɔɹti ˈtu"],
    ]
    assert [line[2].partition(":")[0] for line in lines] == [
        *("", "BBC -> B B C, letter by letter", "unspellable", "42 -> forty two")
    ]
    same = client.post("/pronounce", json=requested).json()
    by_line = client.post("/pronounce", json=requested, headers={"Accept": LINES})
    assert by_line.headers["Content-Type"] == LINES
    assert list(map(json.loads, by_line.text.splitlines())) == same["results"]


def test_every_form_is_cached_for_itself(client):
    tags = set()
    for accept in (JSON, LINES, TABBED):
        answer = client.get("/pronounce/tanger", headers={"Accept": accept})
        assert answer.headers["Vary"] == "Accept"
        tag = answer.headers["ETag"]
        tags.add(tag)
        headers = {"Accept": accept, "If-None-Match": tag}
        again = client.get("/pronounce/tanger", headers=headers)
        assert (again.status_code, again.headers["Vary"]) == (304, "Accept")
        other = client.get("/pronounce/bad", headers=headers)
        assert other.status_code == 200
    assert len(tags) == 3


def test_what_there_is_not_is_a_problem(client):
    for answer in (
        client.get("/pronounce/tanger", headers={"Accept": "text/html"}),
        client.post("/pronounce", json={"words": ["a"]}, headers={"Accept": "text/html"}),
    ):
        assert answer.status_code == 406
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["code"] == "not_acceptable"
        assert TABBED in answer.json()["detail"]


def spoken(client, word, **options):
    (result,) = client.post("/pronounce", json={"words": [word], **options}).json()["results"]
    assert result["error"] is None
    (pronunciation,) = result["pronunciations"]
    return result, pronunciation


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({}, "T AE NG ER"),
        ({"stress": True}, "T AE1 NG ER0"),
        ({"alphabet": "ipa"}, "ˈtæŋɚ"),
        ({"alphabet": "ipa", "stress": True}, "ˈtæŋɚ"),
        ({"alphabet": "ipa", "stress": False}, "tæŋɚ"),
        ({"alphabet": "x-sampa"}, '"t{N@`'),
        ({"alphabet": "cntk"}, "~T ~AE ~NG ~ER"),
    ],
)
def test_alphabets(client, options, text):
    result, pronunciation = spoken(client, "tanger", **options)
    assert pronunciation["text"] == text
    assert len(pronunciation["phonemes"]) == 4
    by_query = client.get("/pronounce/tanger", params=options).json()["results"]
    assert by_query == [result]


def test_what_is_read_in_parts_is_as_sure_as_all_of_them(client):
    whole, together = spoken(client, "tanger-brand", stress=True)
    parts = [spoken(client, word, stress=True)[1] for word in ("tanger", "brand")]
    assert whole["normalized"] == "TANGER-BRAND"
    assert whole["warnings"] == ["read in parts: tanger, brand"]
    assert whole["source"] == "model"
    assert together["phonemes"] == parts[0]["phonemes"] + parts[1]["phonemes"]
    assert together["complete"]
    product = parts[0]["probability"] * parts[1]["probability"]
    assert together["probability"] == pytest.approx(product, abs=1e-5)


def test_numbers_are_as_certain_as_their_kind(client):
    whole, pronunciation = spoken(client, "42", stress=True)
    assert (whole["normalized"], whole["warnings"]) == ("FORTY-TWO", ["42 -> forty two"])
    assert whole["source"] == "model"
    assert pronunciation["text"] == "F AO1 R T IY0  T UW1"
    assert 0.9 < pronunciation["probability"] < 1


def test_parts_are_cut_where_they_meet(client):
    _, pronunciation = spoken(client, "ice-tea", alphabet="ipa")
    assert pronunciation["text"] == "ˈaɪs ˈti"


def test_letters_by_rule(client):
    result, pronunciation = spoken(client, "BBC", stress=True)
    assert pronunciation["text"] == "B IY1 B IY1 S IY1"
    assert result["normalized"] == "BBC"
    assert 0.9 < pronunciation["probability"] < 1
    _, named = spoken(client, "NASA")
    assert named["text"] == "N AE S AH"
