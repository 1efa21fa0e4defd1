"""Configurations of small networks, one for each option of the configuration."""

from dataclasses import replace

from tanger.model.network.config import NetworkConfig
from tanger.model.training.batches import Example

TUTORIAL = NetworkConfig(
    input_symbols=9, output_symbols=11, hidden=6, embedding=0, direction="backward",
    encoder_layers=1, decoder_layers=1, decoder_init="first", attention=False, stabiliser=True,
    add_bos_eos=True, dropout=0.0,
)  # fmt: skip
STRONG = replace(
    TUTORIAL, embedding=5, direction="bidirectional", encoder_layers=2, decoder_layers=2,
    decoder_init="each", attention=True, stabiliser=False, add_bos_eos=False,
)  # fmt: skip
CONFIGS = {
    "tutorial": TUTORIAL,
    "tutorial, forwards": replace(TUTORIAL, direction="forward"),
    "tutorial, three layers": replace(TUTORIAL, encoder_layers=3, decoder_layers=3),
    "strong": STRONG,
    "strong, without attention": replace(STRONG, attention=False),
    "strong, first layer only": replace(STRONG, decoder_init="first", decoder_layers=3),
}
STRESSED = {**CONFIGS, "strong, with stress": replace(STRONG, stress=True)}
# Words of different lengths, as indices for these networks.
EXAMPLES = [
    Example([3, 4, 5, 2, 8], [3, 4, 6, 1]),
    Example([7, 2], [3, 9, 10, 2, 5, 1]),
    Example([6], [3, 1]),
]
