"""Configuration of a network, its arithmetic precision, and the cost of decoding a word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# Number format of an engine's matrix products.
Precision = Literal["int8", "float32"]


# Names of fields before format 2 of artifacts.
RENAMED_FIELDS = {"handover": "decoder_init", "boundaries": "add_bos_eos"}


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture and sizes of a network; stored in the artifact.

    Attributes:
        hidden: H, width of a decoder layer and of the encoder's output; a bidirectional encoder has
            H / 2 per direction.
        embedding: width of the symbol embeddings; 0 for one-hot vectors.
        direction: direction in which the encoder reads.
        encoder_layers, decoder_layers: number of stacked LSTMs.
        decoder_init: decoder layers that start from the encoder's last states: only the first, from
            the encoder's top layer, or each from the encoder layer of the same index.
        attention: scaled dot-product attention over the encoder's top states.
        stabiliser: one learnt scale shared by the encoder's input and the decoder's input and
            output.
        add_bos_eos: enclose the graphemes in ``<s>`` and ``</s>``.
        dropout: share of activations dropped in training, between layers and at both ends.
        stress: add a second head that predicts the stress of each phoneme.
        input_symbols, output_symbols: sizes of the grapheme and the phoneme vocabulary. A recipe
            leaves them at 1, because its lexicon determines them.
    """

    hidden: int
    embedding: int
    direction: Literal["backward", "forward", "bidirectional"]
    encoder_layers: int
    decoder_layers: int
    decoder_init: Literal["first", "each"]
    attention: bool
    stabiliser: bool
    add_bos_eos: bool
    dropout: float
    stress: bool = False
    input_symbols: int = 1
    output_symbols: int = 1

    def __post_init__(self) -> None:
        for name in ("input_symbols", "output_symbols", "hidden", "encoder_layers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.decoder_layers < 1 or self.embedding < 0 or not 0 <= self.dropout < 1:
            raise ValueError(f"impossible size or dropout in {self}")
        if self.direction == "bidirectional" and self.hidden % 2:
            raise ValueError(f"a bidirectional encoder halves hidden = {self.hidden}: make it even")
        if self.decoder_init == "each" and self.encoder_layers != self.decoder_layers:
            raise ValueError("decoder_init = 'each' needs as many encoder layers as decoder layers")

    @property
    def input_width(self) -> int:
        """Width of an embedded grapheme."""
        return self.embedding or self.input_symbols

    @property
    def label_width(self) -> int:
        """Width of an embedded phoneme."""
        return self.embedding or self.output_symbols


# ------------------------------------------------------------------------------------------------
# Cost of decoding a word.


def mflop(config: NetworkConfig, *, letters: float, steps: float) -> float:
    """Return the million floating-point operations to decode a word, two per multiply-add.

    Products with an embedded symbol are not counted, because they can be stored in a table with a
    row per symbol. Neither are element-wise functions.

    Args:
        config: configuration of the network.
        letters: number of graphemes of the word.
        steps: number of decoder steps: the phonemes and ``</s>``.
    """
    hidden = config.hidden
    inputs = letters + 2 * config.add_bos_eos
    directions = 2 if config.direction == "bidirectional" else 1
    width = hidden // directions
    first = directions * 4 * width * width
    further = directions * 4 * width * (hidden + width)
    keys = hidden * hidden if config.attention else 0
    encoder = first + (config.encoder_layers - 1) * further + keys
    fed = hidden if config.attention else 0
    attention = 2 * inputs * hidden + 2 * hidden * hidden if config.attention else 0
    decoder = (
        4 * hidden * (fed + hidden)
        + (config.decoder_layers - 1) * 4 * hidden * 2 * hidden
        + attention
        + hidden * config.output_symbols
    )
    return 2e-6 * (inputs * encoder + steps * decoder)
