"""Train in tests as the command `tanger train` does."""

import torch

from tanger.model.training import data
from tanger.model.training.distributed import Processes
from tanger.model.training.trainer import Trainer

# A single process on the CPU.
ALONE = Processes(0, 1, torch.device("cpu"))


class SilentReporter:
    """A reporter that records samples and epochs."""

    def __init__(self):
        self.samples = []
        self.epochs = []

    def started(self, recipe, data, network, progress):
        pass

    def minibatch(self, recipe, progress, *, fraction, loss, error):
        pass

    def sample(self, progress, *, loss, error, phonemes):
        self.samples.append((progress.minibatches, loss, error, phonemes))

    def epoch(self, record, *, best):
        self.epochs.append((record, best))


def train(
    recipe, *, lexicon_path, dev_path, out, run, reporter, init=None, additional_lexicons=(),
    soft_labels=None, stress=None, processes=ALONE, **options,
):  # fmt: skip
    """Read the data and train; `options` are those of `Trainer.fit`."""
    read = data.read(
        recipe, lexicon_path, dev_path, additional_lexicons=additional_lexicons,
        soft_path=soft_labels, stress_path=stress,
    )  # fmt: skip
    trainer = Trainer(
        recipe, read, out=out, run=run, processes=processes, reporter=reporter, init=init
    )
    return trainer.fit(**options)
