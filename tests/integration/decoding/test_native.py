"""The compiled decode gives what the reference gives, but for the rounding of whole numbers."""

import platform
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from tanger.model import artifact as artifacts
from tanger.model.decoding.engine import DecoderUnavailableError, NativeDecoder
from tanger.model.decoding.hypothesis import length_bound
from tanger.model.decoding.native import build
from tanger.model.decoding.native.bindings import NativeNetwork
from tanger.model.decoding.repetition import blocked_tokens, max_repeats
from tanger.model.decoding.torch_decoder import TorchDecoder
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology.stress import one_primary
from tests.support import ROOT
from tests.support.artifacts import GRAPHEMES, PHONEMES, WORDS, random_artifact
from tests.support.networks import STRESSED, STRONG

pytestmark = pytest.mark.skipif(
    build.library() is None, reason="not compiled: python -m tanger.model.decoding.native.build"
)


@pytest.fixture(scope="module")
def shipped(shipped_artifact):
    return artifacts.read(shipped_artifact)


@pytest.mark.parametrize("phonemes_only", [True, False])
@pytest.mark.parametrize("name", STRESSED)
def test_every_kind_of_network_answers_as_the_reference_does(tmp_path, name, phonemes_only):
    """As long as both say the same, both are as sure of it; most words they say the same of."""
    same = 0
    for seed in range(5):
        found = random_artifact(tmp_path / str(seed), STRESSED[name], seed)
        expected = TorchDecoder.of([found], "cpu", phonemes_only=phonemes_only).decode(WORDS)
        answers = NativeDecoder(found, phonemes_only=phonemes_only).decode(WORDS)
        for answer, reference in zip(answers, expected, strict=True):
            agreed = 0
            for spoken, right in zip(answer.symbols, reference.symbols, strict=False):
                if spoken != right:
                    break
                agreed += 1
            np.testing.assert_allclose(
                answer.probabilities[:agreed], reference.probabilities[:agreed], atol=0.1
            )
            if answer.symbols == reference.symbols:
                same += 1
                assert answer.complete == reference.complete
                assert len(answer.probabilities) == len(reference.probabilities)
                assert (answer.stress is None) == (reference.stress is None)
    assert same >= 0.7 * 5 * len(WORDS)


def test_no_answer_goes_round_in_circles_or_past_its_bound(tmp_path):
    held = 0
    for seed in range(8):
        for answer, word in zip(
            NativeDecoder(random_artifact(tmp_path / str(seed), STRONG, seed)).decode(WORDS),
            WORDS,
            strict=True,
        ):
            for step, symbol in enumerate(answer.symbols):
                forbidden = blocked_tokens(answer.symbols[:step], max_repeats(word))
                assert symbol not in forbidden
                held += bool(forbidden)
            assert answer.complete or len(answer.symbols) == length_bound(len(word))
    assert held > 10


@pytest.mark.parametrize("name", STRESSED)
def test_a_beam_begins_with_the_greedy_answer_and_goes_on_by_likelihood(tmp_path, name):
    same = 0
    for seed in range(4):
        found = random_artifact(tmp_path / str(seed), STRESSED[name], seed)
        engine = NativeDecoder(found)
        expected = TorchDecoder.of([found], "cpu").beam(WORDS, 4)
        beams = engine.beam(WORDS, 4)
        for word, answers, greedy, references in zip(
            WORDS, beams, engine.decode(WORDS), expected, strict=True
        ):
            assert answers[0] == greedy
            chances = [np.prod(answer.probabilities) for answer in answers[1:]]
            assert chances == sorted(chances, reverse=True)
            spoken = {tuple(answer.symbols) for answer in answers}
            assert 1 < len(spoken) == len(answers) <= 4
            same += len(spoken & {tuple(answer.symbols) for answer in references})
            for answer in answers:
                for step, symbol in enumerate(answer.symbols):
                    assert symbol not in blocked_tokens(answer.symbols[:step], max_repeats(word))
                assert answer.complete or len(answer.symbols) == length_bound(len(word))
                assert (answer.stress is None) == (references[0].stress is None)
    assert same >= 0.6 * 4 * 4 * len(WORDS)


def test_a_beam_finds_what_the_reference_finds(shipped):
    """In nearly all words, for it rounds to whole numbers."""
    words = "READ LEAD TEAR BASS A TANGER PRONOUNCE KNIGHT OUGHT WIND PNEUMONIA GHOTI".split()
    rows = [shipped.graphemes.encode(word) for word in words]
    found = NativeDecoder(shipped).beam(rows, 3)
    expected = TorchDecoder.of([shipped], "cpu").beam(rows, 3)
    agreed = 0
    for answers, references in zip(found, expected, strict=True):
        chances = {tuple(answer.symbols): np.prod(answer.probabilities) for answer in answers}
        others = {tuple(one.symbols): np.prod(one.probabilities) for one in references}
        agreed += chances.keys() == others.keys()
        for symbols in chances.keys() & others.keys():
            assert chances[symbols] == pytest.approx(others[symbols], abs=0.05)
    assert agreed >= 0.75 * len(words)


def test_every_kind_of_processor_comes_to_the_same_answers(shipped):
    rows = [shipped.graphemes.encode(word) for word in ("TANGER", "PRONOUNCE", "A", "O'NEIL") * 9]
    weights = {name: array.astype(np.float32) for name, array in shipped.weights().items()}
    config = NativeDecoder(shipped).configs[0]
    logit_bias = np.zeros(len(shipped.phonemes), np.float32)
    found = [build.load(kind.path) for kind in build.KINDS if build.library([kind])]
    rows.sort(key=len, reverse=True)
    letters, sounds = shipped.graphemes, shipped.phonemes
    networks = [NativeNetwork(each, config, weights, letters, sounds, logit_bias) for each in found]
    first, *others = (network.decode(rows) for network in networks)
    for answers in others:
        for answer, expected in zip(answers, first, strict=True):
            assert answer.symbols == expected.symbols
            np.testing.assert_allclose(answer.probabilities, expected.probabilities, atol=1e-5)


def test_a_processor_without_a_kind_of_its_own_takes_the_plain_one(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert [kind.name for kind in build.KINDS if kind.is_of_this_architecture] == ["plain"]
    name, _ = build.library()
    assert name == "plain"


@pytest.mark.parametrize("name", ["output.weight", "encoder.layers.0.forward_lstm.bias"])
def test_weights_of_another_shape_never_reach_it(shipped, name):
    weights = {key: array.astype(np.float32) for key, array in shipped.weights().items()}
    kept = NativeDecoder(shipped).configs[0]
    (_, found) = build.library()
    logit_bias = np.zeros(len(shipped.phonemes), np.float32)
    with pytest.raises(ValueError, match="weights of"):
        NativeNetwork(
            found, kept, {**weights, name: weights[name][:-1]}, shipped.graphemes,
            shipped.phonemes, logit_bias,
        )  # fmt: skip
    with pytest.raises(ValueError, match="a network of"):
        NativeNetwork(
            found, replace(kept, output_symbols=9), weights, shipped.graphemes, shipped.phonemes,
            logit_bias,
        )  # fmt: skip
    assert len(GRAPHEMES) != len(shipped.graphemes)
    with pytest.raises(ValueError, match="a network of"):
        NativeNetwork(found, kept, weights, GRAPHEMES, PHONEMES, logit_bias)


def test_no_compiler_is_spoken(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(FileNotFoundError, match="no C compiler"):
        build.build()


def stale(folder, source):
    """A library that was compiled of another source."""
    compiler = build.compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    path = folder / "decode-stale.so"
    (folder / "stale.c").write_text(source)
    subprocess.run([compiler, "-shared", "-fPIC", folder / "stale.c", "-o", path], check=True)
    return path


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("int tanger_decode(void) { return 0; }", "older decode.c"),
        ('const char *tanger_source(void) { return "0123456789abcdef"; }', "another decode.c"),
        (None, "cannot be loaded"),
    ],
)
def test_what_was_compiled_of_another_source_is_not_loaded(
    tmp_path, monkeypatch, caplog, shipped, source, problem
):
    if source is None:
        path = tmp_path / "decode-stale.so"
        path.write_bytes(b"\x7fELF, but no library")
    else:
        path = stale(tmp_path, source)
    monkeypatch.setattr(build.Kind, "path", path)
    with pytest.raises(build.LibraryError, match=problem):
        build.load(path)
    assert build.library() is None
    assert "python -m tanger.model.decoding.native.build" in caplog.text
    with pytest.raises(DecoderUnavailableError, match="nothing was compiled"):
        NativeDecoder(shipped)


def network_of(artifact, weights=None):
    (_, library) = build.library()
    found = {key: array.astype(np.float32) for key, array in artifact.weights().items()}
    return NativeNetwork(
        library, NativeDecoder(artifact).configs[0], {**found, **(weights or {})},
        artifact.graphemes, artifact.phonemes, np.zeros(len(artifact.phonemes), np.float32),
    )  # fmt: skip


@pytest.mark.parametrize("width", [0, -1, 5000, 2**31])
def test_a_beam_of_no_width_is_refused(shipped, width):
    rows = [shipped.graphemes.encode("TANGER")]
    with pytest.raises(ValueError, match="beam of"):
        network_of(shipped).beam(rows, width)
    if width < 1:
        with pytest.raises(ValueError, match="beam of"):
            NativeDecoder(shipped).beam(rows, width)
        with pytest.raises(ValueError, match="answers a word"):
            NetworkPhonemizer.from_artifact(shipped, "cpu").nbest(["TANGER"], width)


@pytest.mark.parametrize("rows", [[], [[]], [[3], []], [[3], [3, 4]], [[3, -1]], [[3, 10_000]]])
def test_words_that_there_cannot_be_never_reach_it(shipped, rows):
    network = network_of(shipped)
    for ask in (network.decode, lambda some: network.beam(some, 2)):
        with pytest.raises(ValueError, match=r"word|letters"):
            ask(rows)


SPOKEN = ("TANGER", "PRONOUNCE", "KNIGHT", "O'NEIL", "A")


def test_given_what_it_answers_it_has_the_probabilities_that_it_answers(shipped):
    network = network_of(shipped)
    rows = [shipped.graphemes.encode(word) for word in sorted(SPOKEN, key=len, reverse=True)]
    answers = network.decode(rows)
    end = shipped.phonemes.end
    pairs = [(row, [*one.symbols, end]) for row, one in zip(rows, answers, strict=True)]
    for (_, labels), answer, (logits, marks) in zip(
        pairs, answers, network.forced(pairs), strict=True
    ):
        assert logits.shape == (len(labels), len(shipped.phonemes))
        chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        found = chances[np.arange(len(labels)), labels]
        np.testing.assert_allclose(found, answer.probabilities, atol=2e-6)
        (classes,) = one_primary(marks[None, :-1], np.array([len(answer.symbols)]))
        assert classes.tolist() == list(answer.stress)


def test_attention_is_about_the_references(shipped):
    rows = [shipped.graphemes.encode(word) for word in sorted(SPOKEN, key=len, reverse=True)]
    spoken = [answer.symbols for answer in network_of(shipped).decode(rows)]
    found = network_of(shipped).attention(list(zip(rows, spoken, strict=True)))
    expected = TorchDecoder.of([shipped], "cpu").attention(rows, spoken)
    within = slice(1, -1) if shipped.network["add_bos_eos"] else slice(None)
    for paid, reference in zip(found, expected, strict=True):
        np.testing.assert_allclose(paid.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(paid[:, within], reference, atol=0.02)


@pytest.mark.parametrize("spoken", [[-1], [10_000]])
def test_labels_that_there_cannot_be_never_reach_it(shipped, spoken):
    for ask in (network_of(shipped).attention, network_of(shipped).forced):
        with pytest.raises(ValueError, match="labels"):
            ask([([3, 4], spoken)])


TRAPPED = """
import sys
from pathlib import Path
import numpy as np
from tanger.model import artifact as artifacts
from tanger.model.network.config import NetworkConfig
from tanger.model.decoding.native import build
from tanger.model.decoding.native.bindings import NativeNetwork

found = artifacts.read(Path(sys.argv[1]))
library, config = build.load(Path(sys.argv[2])), NetworkConfig(**found.network)
for name in ("output.bias", "decoder.layers.0.bias", "encoder.layers.0.forward_lstm.bias"):
    for value in (np.nan, np.inf, -np.inf, 3e38):
        weights = found.weights()
        weights[name] = np.full_like(weights[name], value)
        network = NativeNetwork(
            library, config, weights, found.graphemes, found.phonemes,
            np.zeros(len(found.phonemes), np.float32),
        )
        rows = [found.graphemes.encode("TANGER")]
        assert len(network.decode(rows)) == len(network.beam(rows, 3)) == 1
"""


def test_weights_that_are_no_numbers_do_nothing_undefined(tiny_artifact, tmp_path):
    """A loader refuses them; C, compiled so that it traps, can take them all the same."""
    compiler = build.compiler()
    if compiler is None:
        pytest.skip("no C compiler")
    traps = ["-O1", "-fsanitize=shift,float-cast-overflow", "-fsanitize-undefined-trap-on-error"]
    kind = build.Kind("trapping", [platform.machine()], [], traps)
    build.compile_for(kind, compiler, tmp_path / "trapping.so")
    script = [sys.executable, "-c", TRAPPED, tiny_artifact, tmp_path / "trapping.so"]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
