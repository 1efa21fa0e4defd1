"""What sizes a network, and what it is computed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

# What an engine computes its products in.
Precision = Literal["int8", "float32"]


# What fields were called before artifacts had format 2.
RENAMED_FIELDS = {"handover": "decoder_init", "boundaries": "add_bos_eos"}


@dataclass(frozen=True)
class NetworkConfig:
    """Everything that sizes a network; it travels in the artifact.

    Attributes:
        hidden: H, the width of a decoder layer and of what the encoder hands over; a
            bidirectional encoder gives each direction half of it.
        embedding: width of the symbol embeddings; 0 feeds one-hot vectors.
        direction: which way the encoder reads.
        encoder_layers, decoder_layers: how many LSTMs are stacked.
        decoder_init: which decoder layers start from the encoder's last states: the first one from
            the encoder's top, or each one from the encoder layer of its own height.
        attention: scaled dot-product attention over the encoder's top states.
        stabiliser: one learnt scale shared by the encoder's input and the decoder's two ends.
        add_bos_eos: graphemes stand between ``<s>`` and ``</s>``.
        dropout: share of activations dropped in training, between layers and at both ends.
        stress: a second head says which stress each phoneme carries.
        input_symbols, output_symbols: sizes of the grapheme and the phoneme vocabulary. A recipe
            leaves them open, at 1: its lexicon decides.
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
        """Width of one embedded grapheme."""
        return self.embedding or self.input_symbols

    @property
    def label_width(self) -> int:
        """Width of one embedded phoneme."""
        return self.embedding or self.output_symbols


# ------------------------------------------------------------------------------------------------
# What a word costs: the multiply-adds that no table can replace.


def mflop(config: NetworkConfig, *, letters: float, steps: float) -> float:
    """Million floating-point operations, two to a multiply-add, to decode a word.

    Products with an embedded symbol count nothing, for their results are a table with a row for
    each symbol; neither do the element-wise functions.

    Args:
        config: the network's.
        letters: graphemes of the word.
        steps: of the decoder: its phonemes, and one for ``</s>``.
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
