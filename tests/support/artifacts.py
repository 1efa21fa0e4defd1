"""Artifacts with random weights, for tests that need a network, but not an accurate one."""

from dataclasses import asdict, replace
from pathlib import Path

import torch

from tanger.model import artifact as artifacts
from tanger.model.artifact import Artifact
from tanger.model.language_tags import Language
from tanger.model.network.config import NetworkConfig
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.phonology.vocabulary import Vocabulary

GRAPHEMES = Vocabulary.of("ABCDEFG")
PHONEMES = Vocabulary.of("abcdefghi")
WORDS = [GRAPHEMES.encode(word) for word in ("A", "GABE", "FACADE", "DEAD", "BAGGAGE", "ACE" * 9)]


def random_artifact(
    folder: Path,
    config: NetworkConfig,
    seed: int = 5,
    *,
    language: Language | None = None,
    phonemes: Vocabulary = PHONEMES,
) -> Artifact:
    """Write an artifact with random weights, large enough for its answers to vary."""
    torch.manual_seed(seed)
    network = Seq2Seq(replace(config, input_symbols=len(GRAPHEMES), output_symbols=len(phonemes)))
    weights = {name: 2 * value.numpy() for name, value in network.state_dict().items()}
    return artifacts.write(
        folder, name="random", network=asdict(network.config), training={}, calibration=None,
        graphemes=GRAPHEMES, phonemes=phonemes, weights=weights, extras={}, language=language,
    )  # fmt: skip
