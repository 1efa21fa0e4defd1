"""Lexicons behind the real service: asked, corrected, exported, imported, killed."""

import concurrent.futures
import os
import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tanger.model import lexicon
from tanger.model.lexicon import Entry, Variant
from tanger.model.lexicon.line_formats import LINE_FORMATS
from tests.support.lexicons import pls
from tests.support.live_service import eventually, get, running

KEY = "a-key-of-the-lexicon-tests"
HEADERS = {"X-API-Key": KEY}
OWN = "Tang T AE1 NG\nTang(1) T EH NG\nbent B AE0 N T\ncaf\u00e9 B EH1 T\n"
TRAIN = "train\u2019n T R EH N\n<unk> spn\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lexicons")


@pytest.fixture(scope="module")
def service(tiny_artifact, folder):
    (folder / "own.dict").write_text(OWN, encoding="utf-8")
    (folder / "lexicon.txt").write_text(TRAIN, encoding="utf-8")
    settings = {
        "api_keys": KEY,
        "user_lexicon": folder / "words.db",
        "lexicon": f"{folder / 'lexicon.txt'}{os.pathsep}{folder / 'own.dict'}",
        "max_lexicon": 3_000_000,
        "max_letters": 32,
    }
    with running(folder / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        yield service
        assert service.stop() == 0
        assert "Traceback" not in service.log


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
        yield client


@pytest.fixture(autouse=True)
def _empty(request):
    """Every test begins without words of one's own."""
    if "client" in request.fixturenames:
        client = request.getfixturevalue("client")
        take(client, "gone\tT", "tsv", replace="true")
        client.delete("/lexicon/gone")


def test_nothing_takes_the_place_of_nothing(client):
    assert put(client, "zorgl", "T AE NG ER").status_code == 201
    refused = take(client, "", "tsv", replace="true")
    assert refused.status_code == 422
    assert "forget" in refused.json()["errors"][0]["message"]
    assert client.get("/lexicon/zorgl").status_code == 200
    assert take(client, "", "tsv").json()["entries"] == 0


def put(client, word, *pronunciations):
    path = f"/lexicon/{quote(word, safe='')}"
    return client.put(path, json={"pronunciations": pronunciations})


def take(client, text, format, **options):
    content = text if isinstance(text, bytes) else text.encode()
    return client.post("/lexicon", params={"format": format, **options}, content=content)


def ask(client, *words, **options):
    answer = client.post("/pronounce", json={"words": words, **options})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [result["word"] for result in results] == list(words)
    for result in results:
        for pronunciation in result["pronunciations"]:
            if "alphabet" not in options:
                assert pronunciation["text"] == " ".join(pronunciation["phonemes"])
            if result["source"] != "model":
                assert pronunciation["probability"] is None
                assert pronunciation["complete"] is True
    return results


def ask_raw(client, *words, **options):
    answer = client.post("/pronounce", json={"words": words, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def texts(result):
    return [pronunciation["text"] for pronunciation in result["pronunciations"]]


# Sources


def test_the_model_answers_unless_a_lexicon_is_requested(client):
    (by_default,) = ask(client, "tang")
    (reported,) = ask(client, "tang", source="model")
    assert by_default == reported
    assert (reported["source"], texts(reported)) == ("model", ["T AE NG"])
    assert reported["pronunciations"][0]["probability"] is not None


def test_auto_is_users_words_then_files_then_cmudict_then_the_model(client):
    put(client, "bent", "B EH1 T")
    words = ["bent", "tang", "tanger", "abebet"]
    answers = ask(client, *words, source="auto", stress=False, n=3)
    assert [result["source"] for result in answers] == ["user", "lexicon", "lexicon", "model"]
    assert [texts(result) for result in answers[:3]] == [
        ["B EH T"], ["T AE NG", "T EH NG"], ["T AE NG ER"]
    ]  # fmt: skip
    assert [result["normalized"] for result in answers] == ["BENT", "TANG", "TANGER", "ABEBET"]
    assert all(result["error"] is None and result["warnings"] == [] for result in answers)


def test_lexicon_answers_from_lexicons_alone(client):
    known, unknown, empty, long = ask(client, "tang", "abebet", " ", "a" * 99, source="lexicon")
    assert known["source"] == "lexicon"
    assert (unknown["source"], unknown["pronunciations"]) == (None, [])
    assert unknown["error"]["code"] == "not_in_lexicon"
    assert "source auto" in unknown["error"]["message"]
    assert empty["error"]["code"] == "empty"
    assert long["error"]["code"] == "too_long"


def test_words_that_the_model_cannot_spell_are_looked_up_all_the_same(client):
    put(client, "3-D", "T EH D")
    (found,) = ask(client, "3-d", source="auto")
    assert (found["source"], found["normalized"], texts(found)) == ("user", "3-D", ["T EH D"])
    (model,) = ask(client, "3-d", source="model")
    assert model["error"]["code"] == "unspellable"


def test_stress_is_kept_or_stripped_and_what_is_then_the_same_is_merged(client):
    put(client, "tabber", "T AE1 B ER0", "T AE2 B ER0", "T AE1 B")
    (bare,) = ask(client, "tabber", source="lexicon", n=2)
    assert texts(bare) == ["T AE B ER", "T AE B"]
    (marked,) = ask(client, "tabber", source="lexicon", stress=True, n=3)
    assert texts(marked) == ["T AE1 B ER0", "T AE2 B ER0", "T AE1 B"]
    put(client, "tabber", "T AE B ER")
    (unmarked,) = ask(client, "tabber", source="lexicon", stress=True)
    assert texts(unmarked) == ["T AE B ER"]
    assert unmarked["warnings"] == ["the lexicon marks no stress on this word"]
    (cntk,) = ask(client, "tabber", source="lexicon", alphabet="cntk")
    assert texts(cntk) == ["~T ~AE ~B ~ER"]


@pytest.mark.parametrize(
    ("word", "normalized", "warnings"),
    [
        ("CAF\u00c9", "CAF\u00c9", []),
        ("cafe\u0301", "CAF\u00c9", []),
        (" tang ", "TANG", ["surrounding spaces removed"]),
        ("t\u00e4ng", "TANG", ["\u00e4 -> A"]),
        ("tANG", "TANG", ["capitals ignored: tANG -> Tang"]),
        ("train\u2019n", "TRAIN'N", []),
        ("train'n", "TRAIN'N", []),
        ("train\u02bcn", "TRAIN'N", ["\u02bc -> '"]),
    ],
)
def test_what_was_changed_to_find_a_word_is_reported(client, word, normalized, warnings):
    (found,) = ask(client, word, source="lexicon")
    assert found["source"] == "lexicon"
    assert (found["normalized"], found["warnings"]) == (normalized, warnings)


def test_sources_are_query_parameters_too_and_nothing_else_is_one(client):
    one = client.get("/pronounce/tang", params={"source": "auto", "stress": False})
    assert one.json()["results"] == ask(client, "tang", source="auto")
    assert one.headers["Server-Timing"] == "lexicon"
    assert client.get("/pronounce/tang", params={"source": "user"}).status_code == 422
    assert client.post("/pronounce", json={"words": ["a"], "source": ""}).status_code == 422


def test_a_setting_says_where_from_by_default(tiny_artifact, tmp_path):
    with running(tmp_path / "log", artifact=tiny_artifact, source="auto") as service:
        service.wait_until_ready()
        found = service.ask(get("/pronounce/read?n=5")).json()["results"][0]
        assert (found["source"], texts(found)) == ("lexicon", ["R EH D", "R IY D"])
        info = service.ask(get("/info")).json()
        assert (info["source"], info["user_lexicon"]) == ("auto", False)
        assert [lexicon["words"] for lexicon in info["lexicons"]] == [126_052]
        assert service.ask(get("/pronounce/read?source=model")).status_code == 200
        for request in (get("/lexicon/read"), get("/lexicon?format=pls")):
            refused = service.ask(request)
            assert (refused.status_code, refused.json()["code"]) == (403, "off")


# One's own words


def test_a_word_is_put_found_and_forgotten(client):
    assert client.get("/lexicon/tanger").status_code == 404
    new = put(client, "Tanger", "T AE1 NG  ER0", "T ER")
    assert new.status_code == 201
    assert new.json() == {
        "word": "Tanger", "alphabet": "arpabet", "pronunciations": ["T AE1 NG ER0", "T ER"]
    }  # fmt: skip
    assert client.get("/lexicon/TANGER").json() == new.json()
    assert put(client, "tanger", "T ER").status_code == 200
    (found,) = ask(client, "tanger", source="auto")
    assert (found["source"], texts(found)) == ("user", ["T ER"])
    assert client.delete("/lexicon/tanger").status_code == 204
    gone = client.delete("/lexicon/tanger")
    assert (gone.status_code, gone.json()["code"]) == (404, "no_entry")
    (found,) = ask(client, "tanger", source="auto")
    assert (found["source"], texts(found)) == ("lexicon", ["T AE NG ER"])


@pytest.mark.parametrize("alphabet", ["arpabet", "ipa", "x-sampa", "cntk"])
def test_what_is_answered_can_be_put_back_in_every_alphabet(client, alphabet):
    put(client, "tanger", "T AE1 NG ER0", "T ER")
    answered = client.get("/lexicon/tanger", params={"alphabet": alphabet})
    assert answered.json()["alphabet"] == alphabet
    client.delete("/lexicon/tanger")
    again = client.put("/lexicon/tanger", json=answered.json())
    assert (again.status_code, again.json()) == (201, answered.json())
    assert client.get("/lexicon/tanger").json()["pronunciations"] == ["T AE1 NG ER0", "T ER"]
    # Likewise what is answered as a pronunciation
    (found,) = ask(client, "tanger", source="auto", n=2, alphabet=alphabet, stress=None)
    body = {"alphabet": alphabet, "pronunciations": texts(found)}
    assert client.put("/lexicon/tanger", json=body).status_code == 200
    (again,) = ask(client, "tanger", source="auto", n=2, alphabet=alphabet, stress=None)
    assert again == found


def test_a_lexicon_comes_and_goes_in_another_alphabet(client):
    taken = take(client, "tanger\t/ˈtæŋɚ/\nbed\tˈb ɛ d\n", "tsv", alphabet="ipa")
    assert taken.json()["entries"] == 2
    assert client.get("/lexicon/tanger").json()["pronunciations"] == ["T AE1 NG ER0"]
    exported = client.get("/lexicon", params={"format": "pls", "alphabet": "ipa"})
    assert "<phoneme>ˈtæŋɚ</phoneme>" in exported.text
    assert take(client, exported.content, "pls", replace="true").json()["entries"] == 2
    assert client.get("/lexicon?format=tsv").text == "bed\tB EH1 D\ntanger\tT AE1 NG ER0\n"
    refused = take(client, "bed\tbɛɾ\n", "tsv", alphabet="ipa")
    (error,) = refused.json()["errors"]
    assert error["where"] == "body:1"
    assert "character 3: 'ɾ' (U+027E) is none of its symbols: ɑ æ" in error["message"]


@pytest.mark.parametrize("word", ["a/b", "..", "é", "слово", "a b", "100 %", "a?b#c", "\u2028a"])
def test_any_word(client, word):
    path = f"/lexicon/{quote(word, safe='').replace('.', '%2E')}"
    assert client.put(path, json={"pronunciations": ["T"]}).status_code == 201
    (found,) = ask(client, word, source="lexicon")
    assert (found["source"], texts(found)) == ("user", ["T"])
    assert client.delete(path).status_code == 204


@pytest.mark.parametrize(
    ("word", "body", "where", "reported"),
    [
        ("a", {"pronunciations": ["T", "T QQ"]}, "body.pronunciations.1", "QQ (symbol 2 of T QQ)"),
        ("a", {"pronunciations": ["T1"]}, "body.pronunciations.0", "T1 (symbol 1"),
        ("a", {"pronunciations": [""]}, "body.pronunciations.0", "1 to 128 phonemes"),
        ("a", {"pronunciations": ["T " * 200]}, "body.pronunciations.0", "1 to 128 phonemes"),
        ("a", {"pronunciations": []}, "body.pronunciations", "at least 1"),
        ("a", {"pronunciations": ["T"] * 33}, "body.pronunciations", "at most 32"),
        ("a", {"pronunciations": [1]}, "body.pronunciations.0", "string"),
        ("a", {"pronunciations": ["T"], "more": 1}, "body.more", "not known here"),
        (
            "a",
            {"alphabet": "ipa", "pronunciations": ["t", "tæɾ"]},
            "body.pronunciations.1",
            "character 3: 'ɾ' (U+027E) is none of its symbols: ɑ æ",
        ),
        (
            "a",
            {"alphabet": "ipa", "pronunciations": ["zu"]},
            "body.pronunciations.0",
            "Z (symbol 1 of Z UW) is none of this artifact's phonemes",
        ),
        ("a", {"word": "b", "pronunciations": ["T"]}, "body.word", "not the word of the path"),
        ("", {"pronunciations": ["T"]}, "path.word", "no letter"),
        ("a" * 33, {"pronunciations": ["T"]}, "path.word", "at most 32"),
        ("a\nb", {"pronunciations": ["T"]}, "path.word", "control character"),
    ],
)
def test_what_can_be_no_entry_is_refused_and_says_where(client, word, body, where, reported):
    answer = client.put(f"/lexicon/{quote(word, safe='')}", json=body)
    assert answer.status_code == 422
    faults = {error["where"]: error["message"] for error in answer.json()["errors"]}
    assert reported in faults[where]
    assert ask(client, "a", source="lexicon")[0]["source"] != "user"


def test_an_answer_is_requested_again_once_somebody_may_have_corrected_it(client):
    tags = []
    for pronunciation in ("T", "D", "T"):
        put(client, "tanger", pronunciation)
        answer = client.get("/pronounce/tanger?source=auto")
        assert answer.headers["Cache-Control"] == "private, max-age=0"
        tags.append(answer.headers["ETag"])
        again = client.get("/pronounce/tanger?source=auto", headers={"If-None-Match": tags[-1]})
        assert again.status_code == 304
    assert len(set(tags)) == 3
    by_model = client.get("/pronounce/tanger?source=model")
    assert by_model.headers["Cache-Control"] == "private, max-age=300"
    put(client, "tanger", "D")
    tag = by_model.headers["ETag"]
    again = client.get("/pronounce/tanger", headers={"If-None-Match": tag})
    assert again.status_code == 304, "the model's answer is what it was"


def test_words_are_counted_by_where_they_came_from(client):
    put(client, "bent", "B EH1 T")

    def counts():
        reported = client.get("/metrics").text
        return {
            origin: float(
                re.search(
                    rf'tanger_words_total{{language="en-US",origin="{origin}"}} (.*)', reported
                )[1]
            )
            for origin in ("user", "lexicon", "cached", "decoded")
        }

    before = counts()
    ask(client, "bent", "tang", "bent", "tanger", "dabbed", source="auto")
    ask(client, "dabbed", source="auto")
    after = counts()
    grown = {origin: after[origin] - before[origin] for origin in after}
    assert grown == {"user": 1, "lexicon": 2, "decoded": 1, "cached": 1}


def test_without_a_key_nobody_reads_or_writes(service):
    url = f"{service.url}/lexicon"
    for answer in (
        httpx.get(f"{url}/a"),
        httpx.put(f"{url}/a", json={"pronunciations": ["T"]}),
        httpx.delete(f"{url}/a"),
        httpx.get(f"{url}?format=pls"),
        httpx.post(f"{url}?format=pls", content=b""),
    ):
        assert answer.status_code == 401


def test_without_keys_it_is_off_and_so_it_is_without_a_file(tiny_artifact, tmp_path):
    body = {"pronunciations": ["T"]}
    for settings, headers in (
        ({"user_lexicon": tmp_path / "words.db"}, {}),
        ({"api_keys": KEY}, HEADERS),
    ):
        with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
            service.wait_until_ready()
            answer = httpx.put(f"{service.url}/lexicon/a", json=body, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, "off")
            assert "TANGER_" in answer.json()["detail"]


# What an entry has beside its phonemes


def test_what_else_is_known_of_a_pronunciation_can_be_put_back(client):
    items = [
        {"text": "T EH1 NG", "alias": None, "sense": "noun place", "probability": 0.5},
        {"text": None, "alias": "tanger bed", "sense": None, "probability": 0.25},
        "T AE1 NG",
    ]
    created = client.put("/lexicon/tang", json={"pronunciations": items})
    assert created.status_code == 201, created.text
    assert created.json()["pronunciations"] == [items[2], *items[:2]]  # the likeliest first
    assert client.get("/lexicon/tang").json() == created.json()
    assert client.put("/lexicon/tang", json=created.json()).json() == created.json()
    (found,) = ask_raw(client, "tang", source="auto", n=3)
    assert [(p["text"], p["probability"]) for p in found["pronunciations"]] == [
        ("T AE NG", 1.0), ("T EH NG", 0.5)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("item", "reported"),
    [
        ({}, "either a text or an alias"),
        ({"text": "T", "alias": "a"}, "either a text or an alias"),
        ({"alias": " "}, "' ' cannot be spoken: there is no letter in it"),
        ({"alias": "a!"}, "! (EXCLAMATION MARK) is none of the letters"),
        ({"alias": "a TANG"}, "leads back to itself: tang -> TANG"),
        ({"alias": "red rag"}, "leads back to itself: tang -> RAG -> TANG"),
        ({"text": "T", "sense": "a:b"}, "a sense has letters"),
    ],
)
def test_an_alias_or_a_sense_that_is_none_is_refused(client, item, reported):
    client.put("/lexicon/rag", json={"pronunciations": [{"alias": "bad tang"}]})
    refused = client.put("/lexicon/tang", json={"pronunciations": ["T", item]})
    assert refused.status_code == 422
    (error,) = refused.json()["errors"]
    assert error["where"] == "body.pronunciations.1"
    assert reported in error["message"]


def test_an_alias_is_spoken_in_place_of_its_word(client):
    client.put("/lexicon/ab", json={"pronunciations": [{"alias": "tanger bent"}]})
    (found,) = ask_raw(client, "ab", source="auto")
    assert (found["normalized"], texts(found)) == ("TANGER-BENT", ["T AE NG ER  B AE N T"])
    assert found["warnings"][0] == "ab -> tanger bent"
    (by_model,) = ask_raw(client, "ab", source="model")
    assert by_model["normalized"] == "AB"


def test_aliases_that_lead_back_to_themselves_are_not_imported_and_not_spoken(client):
    circle = pls(
        "<grapheme>ab</grapheme><alias>bad ba</alias>",
        "<grapheme>ba</grapheme><alias>an AB</alias>",
    )
    refused = take(client, circle, "pls")
    (error,) = refused.json()["errors"]
    assert error["where"] == "body:2"
    assert "found 'ab -> ba -> ab'" in error["message"]
    # In imports of their own they are found where they are looked up
    for word, alias in (("ab", "bad ba"), ("ba", "an AB")):
        one = pls(f"<grapheme>{word}</grapheme><alias>{alias}</alias>")
        assert take(client, one, "pls").status_code == 200
    (found,) = ask_raw(client, "ab", source="auto")
    assert found["pronunciations"] == []
    assert found["error"]["code"] == "alias_cycle"
    assert "ab -> BA -> AB" in found["error"]["message"]


def test_probabilities_come_order_variants_and_go_again(client):
    content = "tang 0.25 T AE NG\ntang 1.0 T EH NG\nbed 1.0 B EH D\n"
    assert take(client, content, "kaldip").json() == {"entries": 3, "skipped": 0}
    (found,) = ask_raw(client, "tang", source="auto", n=2)
    assert [(p["text"], p["probability"]) for p in found["pronunciations"]] == [
        ("T EH NG", 1.0), ("T AE NG", 0.25)
    ]  # fmt: skip
    exported = client.get("/lexicon?format=kaldip").text
    assert exported == "bed 1.0 B EH D\n" + "".join(content.splitlines(keepends=True)[:2])
    mfa = "bed\t0.99\t0.1\t1.0\t2.5\tB EH D\n"
    take(client, mfa, "mfa", replace="true")
    assert client.get("/lexicon?format=mfa").text == mfa


# Whole lexicons

FORMATS = [*LINE_FORMATS, "pls"]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_exported_can_be_imported(client, tmp_path, format):
    for word, *spoken in (("tanger", "T AE1 NG ER0", "T ER"), ("Bent", "B EH N T"), ("слово", "T")):
        put(client, word, *spoken)
    exported = client.get("/lexicon", params={"format": format})
    assert exported.status_code == 200
    assert int(exported.headers["Content-Length"]) == len(exported.content)
    media_type = "application/pls+xml" if format == "pls" else "text/plain; charset=utf-8"
    assert exported.headers["Content-Type"] == media_type
    assert exported.headers["Content-Disposition"].startswith('attachment; filename="lexicon.')
    (tmp_path / "exported").write_bytes(exported.content)
    assert lexicon.read(tmp_path / "exported", format) == [
        Entry("Bent", ("B", "EH", "N", "T")),
        Entry("tanger", ("T", "AE1", "NG", "ER0")),
        Entry("tanger", ("T", "ER")),
        Entry("слово", ("T",)),
    ]
    taken = take(client, exported.content, format, replace="true")
    assert taken.status_code == 200, taken.text
    assert taken.json() == {"entries": 4, "skipped": 0}
    assert client.get("/lexicon", params={"format": format}).content == exported.content


def test_markers_are_skipped_and_reported(client):
    taken = take(client, "<unk> spn\n!SIL sil\nbed B EH D\n", "kaldi")
    assert taken.json() == {"entries": 1, "skipped": 2}


@pytest.mark.parametrize(
    ("format", "text", "where", "reported"),
    [
        ("cmudict", "bed B EH D\nbad\nbent B EH N T\n", "body:2", "expected WORD  PHONEME"),
        ("kaldi", "bed B EH D\n\nbad B QQ D\nbent B EH N T\n", "body:3", "QQ (symbol 2 of B QQ D)"),
        ("kaldip", "bed 1.0 B EH D\nbad 2.0 B AE D\n", "body:2", "at most 1"),
        ("tsv", "bed\tB EH D\nbad B AE D\n", "body:2", "word<TAB>phoneme"),
        ("mfa", "bed\tB EH D\n" + "a" * 33 + "\tB AE D\n", "body:2", "at most 32 are read"),
        ("tsv", "bed\tB EH D\nb\x07d\tB\n", "body:2", "control character"),
        ("pls", "<lexicon alphabet='x-cmu'>\n<lexeme><grapheme>bed</grapheme><phoneme>B EH D"
                "</phoneme></lexeme>\n<lexeme><grapheme>bad</grapheme><phoneme>B QQ D</phoneme>"
                "</lexeme></lexicon>", "body:3", "QQ (symbol 2 of B QQ D)"),
        ("pls", "<lexicon alphabet='x-cmu'><lexeme>", "body:1", "expected XML"),
        ("pls", "<!DOCTYPE lexicon SYSTEM 'x'><lexicon/>", "body:1", "no document type"),
        ("cmudict", b"bed B EH D\nb\xffd B\n", "body:2", "expected UTF-8"),
    ],
)  # fmt: skip
def test_an_import_is_all_or_nothing_and_a_bad_entry_is_named_by_line(
    client, format, text, where, reported
):
    put(client, "bed", "B AE B")
    before = client.get("/lexicon?format=tsv").content
    refused = take(client, text, format, replace="true")
    assert refused.status_code == 422, refused.text
    faults = {error["where"]: error["message"] for error in refused.json()["errors"]}
    assert reported in faults[where]
    assert client.get("/lexicon?format=tsv").content == before == b"bed\tB AE B\n"


def test_the_first_twenty_bad_entries_are_named(client):
    text = "bed B EH D\n" + "".join(f"w{n} QQ\n" for n in range(100))
    errors = take(client, text, "kaldi").json()["errors"]
    assert [error["where"] for error in errors] == [f"body:{n}" for n in range(2, 22)]


def test_options_of_import_and_export_are_checked(client):
    for answer in (
        client.get("/lexicon"),
        client.get("/lexicon?format=ctf"),
        client.get("/lexicon?format=pls&more=1"),
        client.post("/lexicon", content=b""),
        client.post("/lexicon?format=xml", content=b""),
        client.post("/lexicon?format=pls&replace=perhaps", content=b""),
    ):
        assert answer.status_code == 422
        assert answer.json()["code"] == "invalid_request"


def test_an_entry_that_a_format_cannot_hold_is_named(client):
    put(client, "new york", "T")
    refused = client.get("/lexicon?format=kaldi")
    assert (refused.status_code, refused.json()["code"]) == (409, "format_cannot_hold")
    assert "new york" in refused.json()["detail"]
    assert client.get("/lexicon?format=pls").status_code == 200


def test_a_lexicon_has_a_limit_of_its_own(client):
    line = b"bed B EH D\n"
    assert take(client, line * 100_000, "kaldi").status_code == 200  # beyond that of other bodies

    def pieces():
        for _ in range(400):
            yield line * 1000

    for content in (line * 300_000, pieces()):
        refused = client.post("/lexicon?format=kaldi&replace=true", content=content)
        assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")
    (found,) = ask(client, "bed", source="lexicon")
    assert found["source"] == "user"


def test_an_import_keeps_nobody_waiting_and_shows_all_at_once(service, client):
    """While it comes, piece by piece, other requests are answered without any of it."""
    put(client, "bed", "B AE B")
    ready, go = threading.Event(), threading.Event()

    def pieces():
        yield b"bed B EH D\n"
        for n in range(2000):
            yield f"w{n} B EH D\n".encode()
        ready.set()
        go.wait(60)
        yield b"bent B EH D\n"

    def send():
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as other:
            return other.post("/lexicon?format=kaldi", content=pieces())

    with concurrent.futures.ThreadPoolExecutor() as pool:
        sent = pool.submit(send)
        assert ready.wait(60)
        assert texts(ask(client, "bed", source="auto")[0]) == ["B AE B"]
        assert put(client, "tab", "T AE B").status_code == 201  # nor does it hold the lock
        go.set()
        assert sent.result().json()["entries"] == 2002
    found = ask(client, "bed", "w1999", "bent", "tab", source="auto")
    assert [texts(result) for result in found] == [["B EH D"]] * 3 + [["T AE B"]]


def test_an_import_that_breaks_off_leaves_nothing(service, client, folder):
    head = (
        f"POST /lexicon?format=kaldi HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        "Content-Length: 1000\r\n\r\nbed B EH D\n"
    )
    opened = Path(f"/proc/{service.process.pid}/fd")

    def staged():
        """Temporary files that the service has open beside the lexicon."""
        links = [str(link.readlink()) for link in opened.iterdir() if link.is_symlink()]
        return [link for link in links if link.startswith(f"{folder}/") and "deleted" in link]

    assert not staged()
    exchange = service.send(head.encode())
    eventually(staged, "the import to begin")
    exchange.hang_up()
    eventually(lambda: not staged(), "the import to be forgotten")
    assert ask(client, "bed", source="auto")[0]["source"] != "user"


def test_many_writers_and_readers_at_once(service):
    """Each writer reads its own word back at once, and sees the word that it just wrote."""

    def work(number):
        draw = random.Random(number)
        word = f"{'abdegnrt'[number]}tanger"
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
            for _ in range(15):
                text = " ".join(draw.choices(["T", "AE1", "NG", "ER0", "B"], k=5))
                assert put(client, word, text).status_code in (200, 201)
                assert texts(ask(client, word, source="lexicon", stress=True)[0]) == [text]
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


# Kept


def test_what_was_acknowledged_survives_kill_9(tiny_artifact, tmp_path):
    """Killed again and again in the midst of writes and imports, nothing that was answered is lost.

    Of an import either all words are there or none.
    """
    settings = {"api_keys": KEY, "user_lexicon": tmp_path / "words.db", "builtin_lexicon": "off"}
    acknowledged, unsure = {}, set()
    for life in range(3):
        with running(tmp_path / f"log{life}", artifact=tiny_artifact, **settings) as service:
            service.wait_until_ready()
            with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
                exported = client.get("/lexicon?format=tsv").text
                kept = dict(line.split("\t") for line in exported.splitlines())
                for word, text in acknowledged.items():
                    assert kept[word] == text or word in unsure
                imports = {word.split(".")[0] for word in kept if "." in word}
                for each in imports:
                    assert sum(word.startswith(f"{each}.") for word in kept) == 3000
            if life == 2:
                break
            stop = threading.Event()

            def write(number, life=life, service=service, stop=stop):
                draw = random.Random(f"{life} {number}")
                with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
                    for n in range(10_000):
                        word, text = f"l{life}w{number}n{n % 50}", draw.choice(["T", "B", "D", "G"])
                        try:
                            assert put(client, word, text).status_code in (200, 201)
                        except httpx.TransportError:
                            unsure.add(word)
                            return
                        acknowledged[word] = text
                        unsure.discard(word)
                        if n > 20:
                            stop.set()

            def import_(life=life, service=service):
                with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:
                    for n in range(1000):
                        text = "".join(f"i{life}x{n}.{m}\tT\n" for m in range(3000))
                        try:
                            assert take(client, text, "tsv").status_code == 200
                        except httpx.TransportError:
                            return

            threads = [threading.Thread(target=write, args=(number,)) for number in range(2)]
            threads.append(threading.Thread(target=import_))
            for thread in threads:
                thread.start()
            assert stop.wait(60)
            service.process.send_signal(signal.SIGKILL)
            for thread in threads:
                thread.join()
    assert len(acknowledged) > 60


def test_lexicon_files_are_read_again_with_the_weights(tiny_artifact, tmp_path):
    path = tmp_path / "own.dict"
    path.write_text("bed B EH D\n")
    settings = {"api_keys": KEY, "lexicon": path, "builtin_lexicon": "off"}
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        with httpx.Client(base_url=service.url, headers=HEADERS, timeout=60) as client:

            def output():
                answer = client.get("/pronounce/bed?source=auto")
                return texts(answer.json()["results"][0]), answer.headers["ETag"]

            first = output()
            assert first[0] == ["B EH D"]
            path.write_text("bed B AE D\n")
            assert output() == first
            assert client.post("/admin/reload").status_code == 200
            second = output()
            assert second[0] == ["B AE D"]
            assert second[1] != first[1]
            path.write_text("bed B AE D\nbad B QQ D\n")
            refused = client.post("/admin/reload")
            assert refused.status_code == 409
            assert f"{path}:2: expected" in refused.json()["detail"]
            assert output() == second
            path.write_text("bed T\n")
            service.process.send_signal(signal.SIGHUP)
            eventually(lambda: output()[0] == ["T"], "the lexicon to be read again")


def test_an_entry_for_other_phonemes_does_not_count_and_that_is_reported(tiny_artifact, tmp_path):
    import asyncio

    from tanger.service.user_lexicon.store import UserLexicon

    store = UserLexicon(tmp_path / "words.db")
    asyncio.run(store.put("bed", [Variant(("b", "ɛ", "d"))]))
    store.close()
    settings = {"user_lexicon": tmp_path / "words.db", "builtin_lexicon": "off"}
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        (found,) = service.ask(get("/pronounce/bed?source=auto")).json()["results"]
        assert (found["source"], texts(found)) == ("model", ["B EH D"])
        assert "does not fit this artifact: b (symbol 1 of b ɛ d)" in found["warnings"][0]


@pytest.mark.parametrize(
    ("settings", "reported"),
    [
        ({"lexicon": "/nowhere/x.dict"}, "/nowhere/x.dict: the lexicon cannot be read"),
        ({"user_lexicon": "/nowhere/x.db"}, "/nowhere/x.db: the user lexicon cannot be opened"),
    ],
)
def test_a_lexicon_that_cannot_be_read_ends_it_at_once(tiny_artifact, tmp_path, settings, reported):
    with running(tmp_path / "log", artifact=tiny_artifact, **settings) as service:
        assert service.wait() == 1
        service.wait_for_log(reported)
        assert "Traceback" not in service.log


def test_schemathesis_finds_nothing(service):
    done = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), "run", f"{service.url}/openapi.json",
         # A deadline of less than a moment is rightly missed
         "-H", "X-Request-Timeout: 30",
         "-H", f"X-API-Key: {KEY}", "--include-path-regex", "^/lexicon", "--max-examples", "8",
         "--phases", "examples,coverage,fuzzing", "--no-color", "--seed", "1", "--checks",
         "not_a_server_error,status_code_conformance,content_type_conformance,"
         "response_schema_conformance,response_headers_conformance"],
        cwd="/tmp", capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


def test_a_copy_is_only_read(tiny_artifact, tmp_path):
    settings = {"api_keys": KEY, "artifact": tiny_artifact, "user_lexicon": tmp_path / "words.db"}
    with running(tmp_path / "log", **settings) as owner:
        owner.wait_until_ready()
        with httpx.Client(base_url=owner.url, headers=HEADERS) as client:
            assert put(client, "bad", "T AE NG ER").status_code == 201
        assert owner.stop() == 0
    with running(tmp_path / "log", user_lexicon_read_only=True, **settings) as copy:
        copy.wait_until_ready()
        with httpx.Client(base_url=copy.url, headers=HEADERS) as client:
            refused = [
                put(client, "bad", "B AE D"),
                client.delete("/lexicon/bad"),
                take(client, "bad\tB AE D", "tsv"),
            ]
            assert [answer.status_code for answer in refused] == [409] * 3
            for answer in refused:
                assert answer.json()["code"] == "user_lexicon_read_only"
                assert "roll its copy out" in answer.json()["detail"]
            found = client.get("/pronounce/bad", params={"source": "auto"}).json()["results"][0]
            assert found["source"] == "user"
            assert found["pronunciations"][0]["text"] == "T AE NG ER"
            assert client.get("/lexicon", params={"format": "tsv"}).text == "bad\tT AE NG ER\n"
            assert client.get("/info").json()["user_lexicon"] is False
        assert httpx.put(f"{copy.url}/lexicon/bad").status_code == 401
