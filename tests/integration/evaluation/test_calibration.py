import math
import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from tanger.commands import app
from tanger.model import artifact, calibration
from tanger.model.calibration import Bin, Calibration
from tanger.model.phonemizer import NetworkPhonemizer

ARTIFACTS = Path(__file__).parents[3] / "artifacts"


def drawn(count, seed=1):
    """Answers whose worth is drawn with a known chance."""
    draw = random.Random(seed)
    answers, right, chances = [], [], []
    for _ in range(count):
        steps = [draw.uniform(0.3, 1) for _ in range(draw.randint(1, 9))]
        product = math.prod(steps) * 0.999
        score = 2 + 1.5 * math.log(product / (1 - product)) + 0.3 * len(steps)
        chances.append(1 / (1 + math.exp(-score)))
        answers.append(steps)
        right.append(draw.random() < chances[-1])
    return answers, right, chances


def test_it_finds_the_chance_that_was_there():
    fitted = calibration.fit(*drawn(8000)[:2])
    answers, right, chances = drawn(4000, seed=2)
    found = [fitted.probability(steps) for steps in answers]
    assert sum(abs(p - c) for p, c in zip(found, chances, strict=True)) / 4000 < 0.02
    raw = [math.prod(steps) for steps in answers]

    def error(probabilities):
        return calibration.expected_calibration_error(calibration.reliability(probabilities, right))

    assert error(found) < 0.03 < error(raw)


@pytest.mark.parametrize("right", [True, False])
def test_few_words_claim_no_certainty(right):
    fitted = calibration.fit([[0.9, 0.8]] * 5, [right] * 5)
    assert 0.05 < fitted.probability([0.9, 0.8]) < 0.95
    assert (fitted.probability([0.9, 0.8]) > 0.5) == right
    with pytest.raises(ValueError, match="nothing"):
        calibration.fit([], [])


def test_it_can_be_all_but_sure():
    draw = random.Random(1)
    answers = [[0.99] if draw.random() < 0.5 else [0.5] for _ in range(4000)]
    right = [steps == [0.99] or draw.random() < 0.5 for steps in answers]
    assert calibration.fit(answers, right).probability([0.999]) > 0.99


@given(st.lists(st.floats(0, 1), max_size=150),
       st.lists(st.floats(-300, 300), min_size=4, max_size=4))  # fmt: skip
def test_a_probability_is_one(steps, weights):
    assert 0 <= Calibration(*weights).probability(steps) <= 1


def test_the_table_and_its_error():
    table = calibration.reliability([0.05, 0.95, 1.0, 0.85], [False, True, False, True])
    assert table == [Bin(1, 0.05, 0), Bin(1, 0.85, 1), Bin(2, pytest.approx(0.975), 0.5)]
    error = calibration.expected_calibration_error(table)
    assert error == pytest.approx((0.05 + 0.15 + 2 * 0.475) / 4)


def test_a_trained_artifact_is_calibrated(tiny_artifact):
    phonemizer = NetworkPhonemizer.load(tiny_artifact, "cpu")
    (easy,) = phonemizer.pronounce(["BAD"])
    assert easy.calibrated == phonemizer.calibration.probability(easy.step_probabilities)
    assert easy.probability == easy.calibrated > 0.9
    uncalibrated = NetworkPhonemizer(phonemizer.decoder, phonemizer.graphemes, phonemizer.phonemes)
    (raw,) = uncalibrated.pronounce(["BAD"])
    assert raw.probability == math.prod(raw.step_probabilities) != easy.probability


def test_the_command_fits_another(tiny_artifact, little_lexicon, tmp_path):
    import shutil

    copy = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, copy)
    before = artifact.read(copy)
    (copy / "NOTICE").write_text("By others.\n")
    done = CliRunner().invoke(app, ["calibrate", "--artifact", str(copy), "--lexicon",
                                    str(little_lexicon["test"]), "--device", "cpu"])  # fmt: skip
    assert done.exit_code == 0
    assert (copy / "NOTICE").read_text() == "By others.\n"
    after = artifact.read(copy)
    assert after.calibration != before.calibration
    assert before.nbest_calibration is None
    assert after.nbest_calibration is not None
    assert NetworkPhonemizer.load(copy, "cpu").nbest_calibration == after.nbest_calibration
    done = CliRunner().invoke(app, ["calibrate", "--artifact", str(copy), "--lexicon",
                                    str(little_lexicon["dev"]), "--only-alternatives",
                                    "--overwrite"])  # fmt: skip
    assert done.exit_code == 0
    last = artifact.read(copy)
    assert last.calibration == after.calibration
    assert last.nbest_calibration not in (None, after.nbest_calibration)
    assert after.version == before.version
    assert (copy / "metrics.jsonl").read_bytes() == (tiny_artifact / "metrics.jsonl").read_bytes()
    assert after.metrics() == {}


def test_weights_that_changed_meanwhile_are_not_calibrated(
    tiny_artifact, little_lexicon, tmp_path, monkeypatch
):
    import shutil

    from tanger.model.evaluation import report

    copy = tmp_path / "tiny"
    shutil.copytree(tiny_artifact, copy)
    fit = report.calibrate

    def slowly(*arguments):
        found = artifact.read(copy)
        weights = {name: array * 1.001 for name, array in found.weights().items()}
        artifact.write(
            copy, name="new", network=found.network, training={}, calibration=None,
            graphemes=found.graphemes, phonemes=found.phonemes, weights=weights, extras={},
        )  # fmt: skip
        return fit(*arguments)

    monkeypatch.setattr(report, "calibrate", slowly)
    done = CliRunner().invoke(app, ["calibrate", "--artifact", str(copy), "--lexicon",
                                    str(little_lexicon["test"]), "--device", "cpu"])  # fmt: skip
    assert done.exit_code == 2
    assert "other weights" in done.output
    assert artifact.read(copy).calibration is None


@given(st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=9), min_size=1, max_size=10),
       st.lists(st.floats(-50, 50), min_size=8, max_size=8))  # fmt: skip
def test_several_answers_share_what_there_is(answers, weights):
    first, others = Calibration(*weights[:4]), Calibration(*weights[4:])
    chances = calibration.nbest_probabilities(first, others, answers)
    assert chances[0] == first.probability(answers[0])
    assert chances == sorted(chances, reverse=True)
    assert sum(chances) <= 1 + 1e-9
    assert calibration.nbest_probabilities(first, others, answers[:2]) == chances[:2]


def test_several_answers_get_what_is_theirs_where_there_is_room():
    first, others = Calibration(0, 1, 0, 0), Calibration(-1, 1, 0, 0)
    steps = [[0.6], [0.3], [0.05]]
    expected = [0.6, others.probability([0.3]), others.probability([0.05])]
    assert calibration.nbest_probabilities(first, others, steps) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["en-us", "en-us-fast"])
def test_who_doubts_one_step_more_is_less_sure_of_all(name):
    found = artifact.read(ARTIFACTS / name)
    for calibrated in (found.calibration, found.trained_calibration):
        for others in ([0.995] * 8, []):
            chances = [calibrated.probability([*others, step / 200]) for step in range(1, 200)]
            # To a thousandth: the curve turns exactly there only if nothing else lowers the product
            for less, more in pairwise(chances):
                assert more > less - 1e-3
