"""What a word costs: the multiply-adds that no table can replace."""

from __future__ import annotations

from model.config import NetworkConfig


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
    inputs = letters + 2 * config.boundaries
    directions = 2 if config.direction == "both" else 1
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
