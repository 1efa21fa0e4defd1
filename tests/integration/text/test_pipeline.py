"""Service, command line and library answer alike: they share one pipeline."""

import httpx
import pytest
from typer.testing import CliRunner

import tanger
from tanger.commands import app
from tests.support.live_service import running

# Inputs that take every way through the pipeline.
WORDS = [
    *("tanger", "Tanger", "TANGER", "o'brien", "O’Brien", "a", "A", "I", "NASA", "BBC", "BVQ"),
    *("SAID", "AIR", "US"),
    *("42", "3.14", "1,234", "-5", "21st", "1990s", "$5.99", "$5M", "50%", "10pm", "٤٢"),
    *("mother-of-pearl", "New York", "blorfy-42", "well-qzx", "AT&T", "R&D", "9-11"),
    *("Ångström", "café", "naïve", "straße", "Łódź", "ﬁne", "soft\u00adhyphen"),
    *("UNs", "re\u0301sume\u0301"),
    *(" spaced ", '"quoted"', "‘quoted’", "(bracketed)", "hello!", "e.g.", "U.S.", "iPhone"),
    *("close the door", "I object", "read it to me", "a live record"),
    *("read", "atheism", "zorvex", "zorvex's", "glimmerers'", "violinist's", "dogs'", "qwyxzl"),
    *("日本", "hello🎄", "", " ", "'", "…", "x" * 65, "1" * 19, "C#", "a_b", "\ufeff"),
]  # fmt: skip
OPTIONS = [
    {},
    {"n": 3},
    {"source": "auto"},
    {"source": "auto", "n": 3, "stress": True},
    {"source": "lexicon"},
    {"source": "lexicon", "alphabet": "ipa"},
    {"alphabet": "ipa", "alignment": True},
    {"source": "auto", "alphabet": "x-sampa", "alignment": True, "n": 2},
    {"alphabet": "cntk"},
]


@pytest.fixture(scope="module")
def lexicon(tmp_path_factory):
    path = tmp_path_factory.mktemp("lexicon") / "own.dict"
    path.write_text("zorvex  Z AO1 R V\nglimmerer  G L IH M ER ER\natheism  AH1 B\nwell  W EH1 L\n")
    return path


@pytest.fixture(scope="module")
def client(shipped_artifact, lexicon, tmp_path_factory):
    log = tmp_path_factory.mktemp("pipeline") / "log"
    with running(log, artifact=shipped_artifact, lexicon=lexicon) as service:
        service.wait_until_ready()
        with httpx.Client(base_url=service.url, timeout=60) as client:
            yield client


@pytest.fixture(scope="module")
def phonemizer(shipped_artifact, lexicon):
    return tanger.Phonemizer.load(shipped_artifact, "cpu", lexicons=[str(lexicon)])


def of_library(result):
    """What the service would show of a result."""
    return {
        "word": result.word,
        "normalized": result.normalized,
        "source": result.source,
        "pronunciations": [
            {
                "phonemes": list(one.phonemes),
                "probability": one.probability and pytest.approx(one.probability, abs=3e-6),
                "complete": one.complete,
                "spans": one.alignment and [list(span) for span in one.alignment.spans],
            }
            for one in result.pronunciations
        ],
        "warnings": list(result.warnings),
        "error": result.error and result.error._asdict(),
    }


def of_service(result):
    del result["explain"]
    for one in result["pronunciations"]:
        del one["text"]
        aligned = one.pop("alignment")
        one["spans"] = aligned and [[each["start"], each["end"]] for each in aligned["phonemes"]]
    return result


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_library_answers_as_the_service(client, phonemizer, options):
    answer = client.post("/pronounce", json={"words": WORDS, **options})
    expected = [of_library(result) for result in phonemizer.pronounce(WORDS, **options)]
    assert [of_service(result) for result in answer.json()["results"]] == expected


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_the_command_prints_what_the_library_answers(
    phonemizer, shipped_artifact, lexicon, tmp_path, options
):
    given = ["--artifact", str(shipped_artifact), "--device", "cpu"]
    for name, value in {"source": "model", **options}.items():
        given += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    if options.get("source", "model") != "model":
        given += ["--lexicon", str(lexicon)]
    words = [word for word in WORDS if word.strip()]
    done = CliRunner().invoke(app, ["pronounce", "--format", "tsv", *given, "--", *words])
    assert done.exit_code == 1, "some words have no pronunciation"
    results = phonemizer.pronounce(words, **options)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    expected = [
        (result.word.strip(), one) for result in results for one in result.pronunciations or [None]
    ]
    assert [word for word, _ in rows] == [word for word, _ in expected]
    for (_, text), (_, one) in zip(rows, expected, strict=True):
        if one is None:
            assert text == ""
        elif one.alignment is None:
            assert text == one.text(options.get("alphabet", "arpabet"), word_separator=" ")
    warnings = sum(len(result.warnings) + (result.error is not None) for result in results)
    assert len(done.stderr.splitlines()) == warnings


def test_a_dictionary_of_ones_own_comes_before_cmudict(phonemizer):
    (result,) = phonemizer.pronounce(["atheism"], source="auto")
    assert [one.phonemes for one in result.pronunciations] == [("AH", "B")]
    assert result.resolution.segments[0].origin.lexicon == "own.dict"


@pytest.mark.parametrize("source", ["model", "auto"])
def test_words_together_sound_as_in_a_text(client, source):
    inputs = ["close the door", "use it", "Wind the clock, please.", "I live in Reading", "3:00"]
    words = client.post("/pronounce", json={"words": inputs, "source": source}).json()["results"]
    for typed, found in zip(inputs, words, strict=True):
        text = client.post("/text", json={"text": typed, "source": source}).json()
        assert found["pronunciations"][0]["text"] == text["pronunciation"]


def test_the_probability_of_words_together_contains_that_of_the_sense(client):
    body = {"words": ["close the door"], "source": "auto", "n": 9}
    (found,) = client.post("/pronounce", json=body).json()["results"]
    (close,) = (
        word["sense"]
        for token in client.post("/text", json={"text": "close the door"}).json()["tokens"]
        for word in token["words"]
        if word["sense"]
    )
    by_sound = {one["text"]: one["probability"] for one in found["pronunciations"]}
    assert by_sound["K L OW Z  DH AH  D AO R"] == pytest.approx(close["probability"], abs=2e-6)
    assert by_sound["K L OW S  DH AH  D AO R"] == pytest.approx(
        close["alternatives"][0]["probability"], abs=2e-6
    )
    assert "close: sense close_vrb by context" in found["warnings"]
