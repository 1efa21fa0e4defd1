"""Which engine decodes, and what every one of them promises; test_native.py has its answers."""

import random
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tanger.model import artifact as artifacts
from tanger.model import lexicon
from tanger.model.artifact import ArtifactError
from tanger.model.decoding import devices, engine
from tanger.model.decoding.devices import DeviceError
from tanger.model.decoding.engine import NativeDecoder
from tanger.model.decoding.native import build
from tanger.model.decoding.torch_decoder import TorchDecoder
from tests.support import ROOT
from tests.support.artifacts import random_artifact
from tests.support.networks import STRONG


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return artifacts.read(shipped_artifact)


@pytest.fixture(scope="module")
def compiled(shipped):
    return shipped, NativeDecoder(shipped)


@pytest.fixture(scope="module")
def little_words_of_english(shipped):
    draw = random.Random(3)
    syllables = "TAN GER PRO NOUN CE WORD SPELL ING LET TERS SOUND MACH INE".split()
    words = {"".join(draw.choices(syllables, k=draw.randint(1, 4))) for _ in range(400)}
    return [shipped.graphemes.encode(word) for word in sorted(words)]


@given(words=st.lists(st.text("ABCDEFG", min_size=1, max_size=12), min_size=2, max_size=9))
@settings(max_examples=50)
def test_an_answer_hangs_on_its_word_alone(compiled, words):
    shipped, decoder = compiled
    rows = [shipped.graphemes.encode(word) for word in words]
    for row, answer in zip(rows, decoder.decode(rows), strict=True):
        (alone,) = decoder.decode([row])
        assert answer == alone


def test_threads_share_the_work_and_keep_the_order(shipped, little_words_of_english):
    several = NativeDecoder(shipped, threads=3)
    assert several.threads == 3
    expected = NativeDecoder(shipped).decode(little_words_of_english)
    assert several.decode(little_words_of_english) == expected


def test_no_words(shipped):
    assert NativeDecoder(shipped).decode([]) == []


def test_weights_that_do_not_fit_are_named(tmp_path, shipped):
    found = random_artifact(tmp_path / "random", STRONG)
    for wrong, reported in (
        ({"hidden": 8}, "do not fit"),
        ({"hidden": "x"}, "not a whole number"),
        ({"decoder_layers": 3}, "do not fit|decoder_init"),
        ({"unheard": 1}, "no field unheard"),
    ):
        with pytest.raises(ArtifactError, match=reported):
            NativeDecoder(replace(found, network={**found.network, **wrong}))


def test_it_is_compiled_in_whole_numbers_on_a_cpu_and_torch_otherwise(shipped):
    assert engine.load(shipped, "cpu").runs_on.startswith("compiled C for ")
    exact = engine.load(shipped, "cpu", precision="float32")
    assert isinstance(exact, TorchDecoder)
    assert exact.runs_on.startswith("torch ")


def test_where_nothing_is_compiled_torch_decodes_and_says_how_to_compile(
    monkeypatch, caplog, shipped
):
    monkeypatch.setattr(build, "library", lambda: None)
    decoder = engine.load(shipped, "cpu")
    assert decoder.runs_on.startswith("torch ")
    assert "python -m tanger.model.decoding.native.build" in caplog.text
    (answer,) = decoder.decode([shipped.graphemes.encode("TANGER")])
    assert shipped.phonemes.decode(answer.symbols) == ("T", "AE", "NG", "ER")
    assert isinstance(decoder, TorchDecoder)


def test_without_either_both_remedies_are_named(monkeypatch, shipped):
    monkeypatch.setattr(build, "library", lambda: None)
    monkeypatch.setattr(devices, "has_torch", lambda: False)
    with pytest.raises(
        engine.DecoderUnavailableError, match=r"native\.build.*, or .*install torch"
    ) as caught:
        engine.load(shipped)
    assert len(caught.value.remedies) == 2


def test_without_torch_float32_and_gpus_are_refused(monkeypatch, shipped):
    monkeypatch.setattr(devices, "has_torch", lambda: False)
    with pytest.raises(engine.DecoderUnavailableError, match="float32 takes torch"):
        engine.load(shipped, "cpu", precision="float32")
    with pytest.raises(DeviceError, match="takes torch"):
        engine.load(shipped, "cuda")
    assert engine.load(shipped, "auto").device == "cpu"


def test_it_answers_without_torch(shipped_artifact):
    """Letters of phonemes and scores among the rest; torch cannot even be imported."""
    script = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from tanger.model import artifact\n"
        "from tanger.model.decoding.hypothesis import GivenPronunciation\n"
        "from tanger.model.phonemizer import NetworkPhonemizer\n"
        f"found = artifact.read(Path({str(shipped_artifact)!r}))\n"
        "loaded = NetworkPhonemizer.from_artifact(found)\n"
        "((answer,),) = loaded.nbest(['TANGER'], 1, aligned=True)\n"
        "print(*answer.phonemes, answer.alignment.spans)\n"
        "spoken = [3, 4, 5]\n"
        "(scored,) = loaded.decoder.score([GivenPronunciation([3, 4], spoken)])\n"
        "print(scored.log_probabilities.shape == (4, len(found.phonemes)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=False, capture_output=True, text=True, cwd=ROOT
    )
    expected = "T AE NG ER [(0, 1), (1, 2), (2, 4), (4, 6)]\nTrue\n"
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_on_many_test_words(shipped, split):
    """The reference's WER on every third of them, within a tenth of a point."""
    every = lexicon.pronunciations(lexicon.read(split / "cmudict-0.7b.test"))
    references = dict(list(every.items())[::3])
    rows = [shipped.graphemes.encode(word) for word in references]
    expected = TorchDecoder.of([shipped], "cpu").decode(rows)
    wrong = [
        sum(
            shipped.phonemes.decode(answer.symbols) not in known
            for answer, known in zip(answers, references.values(), strict=True)
        )
        for answers in (expected, NativeDecoder(shipped).decode(rows))
    ]
    assert abs(wrong[0] - wrong[1]) <= 0.001 * len(rows), wrong
