from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from tanger.model.network import config as configs
from tanger.model.network.seq2seq import Seq2Seq
from tanger.model.training.batches import collate
from tests.support.networks import CONFIGS, EXAMPLES


@pytest.mark.parametrize("name", CONFIGS)
def test_it_is_what_the_network_multiplies(name):
    """Compare with the FLOPs that torch counts, minus those of the embeddings."""
    config = replace(CONFIGS[name], embedding=7)
    network = Seq2Seq(config).eval()
    minibatch = collate(EXAMPLES[:1] * 2)  # padded, because fused kernels would be counted twice
    letters, steps = minibatch.graphemes.shape[1], 4
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        lengths = minibatch.grapheme_lengths.clone()
        lengths[1] = 1  # different lengths, so that torch uses plain products
        encoder_output = network.encode(minibatch.graphemes, lengths)
        state = network.start(encoder_output)
        for label in minibatch.labels[:, :steps].t():
            _, state = network.step(label, state, encoder_output)
    rows, width = 2, config.hidden // (2 if config.direction == "bidirectional" else 1)
    directions = config.hidden // width
    looked_up = 2 * rows * 7 * (letters * directions * 4 * width + steps * 4 * config.hidden)
    counted = (counter.get_total_flops() - looked_up) / rows / 1e6
    ours = configs.mflop(replace(config, add_bos_eos=False), letters=letters, steps=steps)
    assert ours == pytest.approx(counted)


def test_boundaries_are_read_too():
    config = CONFIGS["tutorial"]
    assert config.add_bos_eos
    assert configs.mflop(config, letters=5, steps=4) == pytest.approx(
        configs.mflop(replace(config, add_bos_eos=False), letters=7, steps=4)
    )
