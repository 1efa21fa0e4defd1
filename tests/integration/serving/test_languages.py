"""Several languages in one service: a real one with American English, and two that random networks
speak.
"""

import json
import re
import shutil

import httpx
import pytest
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact as artifacts
from tanger.model import artifact_folders
from tanger.model.language_tags import Language, LanguageError, Variant
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.vocabulary import Vocabulary
from tanger.model.text.text_phonemizer import TextPhonemizer
from tanger.service.client import Client
from tanger.service.client.errors import InvalidRequestError, NotFoundError
from tests.support.artifacts import random_artifact
from tests.support.live_service import eventually, get, running
from tests.support.networks import STRONG

KEY = "0123456789abcdef"
ADMIN = {"X-API-Key": KEY}
GERMAN = Language("de", "German", "CC-BY-SA-4.0")
# In which each a becomes a b
SPANISH = Language("es", "Spanish", None, (Variant("es-419", "Latin American", {"a": "b"}),))
IPA = Vocabulary.of(["a", "b", "ˈʃɛ", "ˌt", "ŋ", "ˈɛ", "k", "l", "ʁ"])
WORDS = ["gabe", "facade", "dead", "baggage", "bad", "a", "feed"]


def pin(artifact):
    """Pin the answers that the network gives."""
    phonemizer = NetworkPhonemizer.from_artifact(artifact, "cpu")
    words = ["GABE", "DEAD"]
    answers = [answer.phonemes for answer in phonemizer.pronounce(words)]
    artifacts.write_pinned(artifact, dict(zip(words, answers, strict=True)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory, shipped_artifact):
    """A folder of three artifacts."""
    folder = tmp_path_factory.mktemp("languages")
    shutil.copytree(shipped_artifact.with_name("en-us-fast"), folder / "en-us")
    pin(random_artifact(folder / "de", STRONG, seed=3, language=GERMAN, phonemes=IPA))
    pin(random_artifact(folder / "es", STRONG, seed=4, language=SPANISH, phonemes=IPA))
    (folder / "de" / "NOTICE").write_text("from somewhere")
    return folder


@pytest.fixture(scope="module")
def service(folder):
    public = "/pronounce,/pronounce/{word},/text,/languages,/metrics,/readyz"
    with running(
        folder / "log",
        artifacts=folder,
        user_lexicon=folder / "own.sqlite",
        api_keys=KEY,
        public_routes=public,
    ) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture(scope="module")
def client(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        yield client


def phonemes(answer):
    assert answer.status_code == 200, answer.text
    return [result["pronunciations"][0]["phonemes"] for result in answer.json()["results"]]


def post(client, **body):
    return client.post("/pronounce", json={"words": WORDS, **body})


def test_each_language_answers_with_its_own_network(client, folder):
    answers = {code: post(client, language=code) for code in ("en-US", "de", "es")}
    for code, answer in answers.items():
        assert answer.json()["model"]["language"] == answer.headers["Content-Language"] == code
    for code in ("de", "es"):
        network = NetworkPhonemizer.load(folder / code, "cpu")
        expected = [list(one.phonemes) for one in network.pronounce([*map(str.upper, WORDS)])]
        assert phonemes(answers[code]) == expected
        assert phonemes(post(client, language=code)) == expected, "from the cache"
    assert phonemes(post(client)) == phonemes(answers["en-US"])
    assert post(client).json()["model"]["language"] == "en-US"


@pytest.mark.parametrize(("requested", "spoken"), [
    ("de-AT", "de"), ("DE", "de"), ("en", "en-US"), ("en-GB", "en-US"), ("es-ES", "es"),
    ("es-MX", "es-419"),
])  # fmt: skip
def test_a_tag_falls_back_and_the_answer_says_to_what(client, requested, spoken):
    answer = client.get("/pronounce/gabe", params={"language": requested})
    assert answer.json()["model"]["language"] == answer.headers["Content-Language"] == spoken


@pytest.mark.parametrize("requested", ["fr", "x", "de_AT", "", "*"])
def test_an_unknown_language_is_refused_with_those_that_there_are(client, requested):
    answers = [
        client.get("/pronounce/gabe", params={"language": requested}),
        post(client, language=requested),
        client.post("/text", json={"text": "gabe", "language": requested}),
    ]
    for answer in answers:
        assert answer.status_code == 422
        detail = answer.json()["detail"]
        assert "available: en-US, de, es, es-419" in detail
        assert ("TANGER_ARTIFACTS" in detail) == (requested == "fr")
        assert ("write de-AT" in detail) == (requested == "de_AT")


def test_a_variant_is_a_rule_on_its_language(client):
    for n in (1, 5):
        found = [
            client.post("/pronounce", json={"words": WORDS, "language": code, "n": n}).json()
            for code in ("es", "es-419")
        ]
        for plain, varied in zip(*(each["results"] for each in found), strict=True):
            expected: dict[str, float] = {}
            for one in plain["pronunciations"]:
                text = one["text"].replace("a", "b")
                expected[text] = expected.get(text, 0) + one["probability"]
            got = {one["text"]: one["probability"] for one in varied["pronunciations"]}
            assert got == pytest.approx(expected, abs=1e-5)
    assert any("b" in one for one in phonemes(post(client, language="es-419")))


def test_the_list_of_languages(client, folder):
    english, german, spanish, latin = client.get("/languages").json()["languages"]
    assert [each["code"] for each in (english, german, spanish, latin)] == [
        "en-US", "de", "es", "es-419",
    ]  # fmt: skip
    assert english["error_rates"]
    assert english["alphabets"][0] == "arpabet"
    assert english["stress"]
    assert german == {
        "code": "de", "name": "German", "variant_of": None,
        "model": {"name": "random", "version": artifacts.read(folder / "de").version,
                  "language": "de"},
        "graphemes": list("ABCDEFG"), "phonemes": list(IPA.own), "alphabets": ["native", "ipa"],
        "stress": True, "texts": True, "error_rates": {}, "licence": "CC-BY-SA-4.0",
        "attribution": "from somewhere",
    }  # fmt: skip
    assert (latin["variant_of"], latin["model"]["language"]) == ("es", "es-419")
    assert "a" not in latin["phonemes"]
    assert "a" in spanish["phonemes"]


def test_entity_tags_differ_and_revalidate(client):
    tags = {}
    for code in ("en-US", "de", "es", "es-419"):
        first = client.get("/pronounce/gabe", params={"language": code})
        tags[code] = first.headers["ETag"]
        again = client.get(
            "/pronounce/gabe", params={"language": code}, headers={"If-None-Match": tags[code]}
        )
        assert (again.status_code, again.headers["Content-Language"]) == (304, code)
    assert len(set(tags.values())) == 4
    assert client.get("/pronounce/gabe").headers["ETag"] == tags["en-US"]


def test_metrics_and_log_know_the_language(client, service):
    post(client, language="de-CH")
    reported = client.get("/metrics").text
    assert 'tanger_words_total{language="de",origin="cached"}' in reported
    assert 'language="de-CH"' not in reported
    assert 'tanger_model{language="es",name="random"' in reported
    (opened,) = re.findall(r"^tanger_languages_open (\S+)$", reported, re.MULTILINE)
    assert 2 <= float(opened) <= len(client.get("/languages").json()["languages"])

    def logged():
        lines = (line for line in service.log.splitlines() if '"language":"de"' in line)
        return any(json.loads(line)["route"] == "/pronounce" for line in lines)

    eventually(logged, "the line")


def test_options_that_a_language_lacks_are_refused(client):
    answer = post(client, language="de", alphabet="arpabet")
    assert answer.status_code == 422
    assert "native" in answer.json()["detail"]
    assert post(client, language="de", alphabet="ipa").status_code == 200


def test_the_python_client(service):
    with Client(service.url, api_key=KEY) as client:
        assert [each.code for each in client.languages()] == ["en-US", "de", "es", "es-419"]
        (german,) = client.pronounce(["gabe"], language="de-AT")
        (english,) = client.pronounce(["gabe"])
        assert german.pronunciations != english.pronunciations
        with pytest.raises(InvalidRequestError, match="available: en-US, de, es"):
            client.pronounce(["gabe"], language="fr")


def test_each_language_has_a_user_lexicon_of_its_own(service, folder):
    with Client(service.url, api_key=KEY) as client:
        client.put_word("gabe", "ŋ a", language="de-AT")
        assert client.get_word("gabe", language="de").pronunciations == ("ŋ a",)
        for other in (None, "es"):
            with pytest.raises(NotFoundError):
                client.get_word("gabe", language=other)
        (own,) = client.pronounce(["gabe"], language="de", source="auto")
        assert (own.source, own.pronunciations[0].text) == ("user", "ŋ a")
        (english,) = client.pronounce(["gabe"], source="auto")
        assert english.source != "user"
        with pytest.raises(InvalidRequestError, match="EY1"):
            client.put_word("gabe", "EY1", language="de")
        client.delete_word("gabe", language="de")
    assert (folder / "own.de.sqlite").exists()


def test_library_and_command_line_speak_the_same(client, folder):
    served = client.get("/pronounce/facade", params={"language": "es-MX"}).json()["results"][0]
    text = served["pronunciations"][0]["text"]
    phonemizer = TextPhonemizer.load(folder / "es", "cpu", language="es-MX")
    (found,) = phonemizer.pronounce(["facade"])
    assert " ".join(found.pronunciations[0].phonemes) == text
    command = ["pronounce", "facade", "--source", "model", "--artifact", str(folder / "es")]
    done = CliRunner().invoke(app, [*command, "--language", "es-MX"])
    assert done.output.split(maxsplit=1)[1].strip() == text
    refused = CliRunner().invoke(app, [*command, "--language", "de"])
    assert refused.exit_code == 2
    assert "'de' is not available; available: es, es-419" in refused.output


def test_an_installed_artifact_is_found_by_its_language(folder):
    assert artifact_folders.find("es-AR", folder) == folder / "es"
    assert artifact_folders.find("en", folder) == folder / "en-us"
    assert artifact_folders.find("en").name == "en-us"
    with pytest.raises(LanguageError, match="available: en-US, de, es, es-419"):
        artifact_folders.find("fr", folder)


def test_a_reload_that_fails_names_the_language_and_changes_none(service, client, folder):
    german = artifacts.read(folder / "de")
    kept = (folder / "de" / "pinned.json").read_bytes()
    before = phonemes(post(client, language="de"))
    artifacts.write_pinned(german, {"GABE": ("a",) * 9})
    answer = client.post("/admin/reload", headers=ADMIN)
    assert answer.status_code == 409
    assert "de (" in answer.json()["detail"]
    (folder / "de" / "pinned.json").write_bytes(b"{}")
    answer = client.post("/admin/reload", headers=ADMIN)
    assert answer.status_code == 409
    assert "pinned.json" in answer.json()["detail"]
    assert phonemes(post(client, language="de")) == before
    (folder / "de" / "pinned.json").write_bytes(kept)
    answer = client.post("/admin/reload", headers=ADMIN)
    assert (answer.status_code, answer.json()["language"]) == (200, "en-US")
    assert phonemes(post(client, language="de")) == before
    assert service.ask(get("/readyz")).status_code == 200


@pytest.mark.slow
def test_several_http_processes_speak_all_languages(folder, tmp_path):
    settings = {"artifacts": folder, "api_keys": KEY, "http_processes": 2, "workers": 1}
    with running(tmp_path / "log", **settings, public_routes="/pronounce,/readyz") as service:
        service.wait_until_ready()
        for code in ("de", "es", "en-US"):
            expected = phonemes(httpx.post(
                f"{service.url}/pronounce", json={"words": WORDS, "language": code}, timeout=60
            ))  # fmt: skip
            for _ in range(8):  # connections, which both processes accept
                answer = httpx.post(
                    f"{service.url}/pronounce", json={"words": WORDS, "language": code}, timeout=60
                )
                assert phonemes(answer) == expected

        def reload():
            answer = httpx.post(f"{service.url}/admin/reload", headers=ADMIN, timeout=120)
            # While the second process starts, there is no reload
            return None if "another reload" in answer.text else answer

        assert eventually(reload, "a reload").json()["language"] == "en-US"
        kept = (folder / "es" / "pinned.json").read_bytes()
        artifacts.write_pinned(artifacts.read(folder / "es"), {"GABE": ("a",) * 9})
        refused = eventually(reload, "a reload")
        (folder / "es" / "pinned.json").write_bytes(kept)
        assert refused.status_code == 409
        assert "es (" in refused.json()["detail"]
