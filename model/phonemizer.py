"""A loaded artifact that answers words: the one door to the network for everybody else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from model import checkpoint, devices, stress
from model.batches import frame, pad
from model.calibration import Calibration
from model.checkpoint import Artifact, ArtifactError
from model.circles import rounds
from model.decoding import Hypothesis, greedy, length_bound
from model.ensemble import Ensemble
from model.network import NetworkConfig, Seq2Seq
from model.vocabulary import Vocabulary

# Words decoded together. Past this the arithmetic gains no more, and memory grows.
BATCH = 256


class Phonemizer:
    """A network with its vocabularies on a device."""

    def __init__(
        self,
        network: Seq2Seq | Ensemble,
        graphemes: Vocabulary,
        phonemes: Vocabulary,
        *,
        masked: bool = True,
        weights_sha256: str | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Wrap a network where it lies.

        Args:
            network: in evaluation mode.
            graphemes: what it reads.
            phonemes: what it writes.
            masked: only phonemes and ``</s>`` are ever emitted; without it any symbol of the
                table may be, as CNTK's tutorial has it.
            weights_sha256: of the artifact that the weights are from, if they are from one.
            calibration: what makes probabilities of its answers.
        """
        self.network = network
        self.graphemes = graphemes
        self.phonemes = phonemes
        self.device = next(network.parameters()).device
        self.weights_sha256 = weights_sha256
        self.calibration = calibration
        self._allowed = None
        if masked:
            allowed = torch.zeros(len(phonemes), dtype=torch.bool)
            allowed[[phonemes.end, *phonemes.encode(phonemes.own)]] = True
            self._allowed = allowed.to(self.device)

    @classmethod
    def load(cls, artifact: Path, device: str = "auto", *, masked: bool = True) -> Phonemizer:
        """Load the artifact in the folder `artifact` onto `device`.

        Raises:
            ArtifactError: where the artifact is damaged.
            DeviceError: where the device is not there.
        """
        found = checkpoint.read(artifact)
        return cls(
            _network(found).to(devices.resolve(device)),
            found.graphemes,
            found.phonemes,
            masked=masked,
            weights_sha256=found.weights_sha256,
            calibration=found.calibration,
        )

    @classmethod
    def load_ensemble(
        cls, artifacts: Sequence[Path], device: str = "auto", *, masked: bool = True
    ) -> Phonemizer:
        """Load several artifacts that answer as one, by the mean of their probabilities.

        Raises:
            ArtifactError: where one is damaged, or reads or writes other symbols than the first.
            DeviceError: where the device is not there.
        """
        target = devices.resolve(device)
        found = [checkpoint.read(artifact) for artifact in artifacts]
        first = found[0]
        for other in found[1:]:
            if (other.graphemes, other.phonemes) != (first.graphemes, first.phonemes):
                raise ArtifactError(other.path, f"reads or writes other symbols than {first.path}")
            if other.network["boundaries"] != first.network["boundaries"]:
                raise ArtifactError(other.path, f"{first.path} has other boundaries")
        ensemble = Ensemble([_network(each) for each in found]).eval().to(target)
        return cls(ensemble, first.graphemes, first.phonemes, masked=masked)

    def pronounce(self, words: Sequence[str]) -> list[Hypothesis]:
        """The network's answer for each word, in their order.

        Words are decoded with others of about their length, so that little padding is computed;
        no answer depends on which, but for the rounding of its probabilities.

        Args:
            words: at least one grapheme each, in the artifact's own graphemes
                (see `model.spelling`).

        Raises:
            UnknownSymbolError: for a grapheme that the artifact lacks.
            ValueError: for an empty word.
        """
        if not all(words):
            raise ValueError("an empty word has no pronunciation")
        rows = [self.graphemes.encode(word) for word in words]
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        answers: dict[int, Hypothesis] = {}
        for first in range(0, len(order), BATCH):
            chosen = order[first : first + BATCH]
            decoded = self._decode([rows[index] for index in chosen])
            answers.update(zip(chosen, decoded, strict=True))
        return [answers[index] for index in range(len(rows))]

    def _decode(self, rows: list[list[int]]) -> list[Hypothesis]:
        boundaries = self.network.config.boundaries
        graphemes, lengths = pad(
            [frame(row, self.graphemes, boundaries=boundaries) for row in rows]
        )
        decoded = greedy(
            self.network,
            graphemes.to(self.device),
            lengths,
            bounds=torch.tensor([length_bound(len(row)) for row in rows]),
            rounds=torch.tensor([rounds(row) for row in rows]),
            start=self.phonemes.start,
            end=self.phonemes.end,
            allowed=self._allowed,
        )
        fitted = self.calibration
        rows_of_stress = [None] * len(rows) if decoded.stress is None else decoded.stress.tolist()
        return [
            Hypothesis(
                self.phonemes.decode(symbols[: count - complete]),
                tuple(probabilities[:count]),
                complete,
                None if classes is None else stress.digits(classes[: count - complete]),
                None if fitted is None else fitted.probability(probabilities[:count]),
            )
            for symbols, probabilities, count, complete, classes in zip(
                decoded.symbols.tolist(),
                decoded.probabilities.tolist(),
                decoded.counts.tolist(),
                decoded.complete.tolist(),
                rows_of_stress,
                strict=True,
            )
        ]


def _network(artifact: Artifact) -> Seq2Seq:
    """The artifact's network, in evaluation mode, on the CPU."""
    try:
        network = Seq2Seq(NetworkConfig(**artifact.network))
        network.load_state_dict(
            {name: torch.from_numpy(array) for name, array in artifact.weights().items()}
        )
    except (TypeError, ValueError, RuntimeError) as e:
        raise ArtifactError(artifact.path, f"its weights and config do not fit: {e}") from e
    return network.eval()
