"""What the tests share: a little language, a network trained on it, and the real split."""

import random
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tanger.model import lexicon
from tanger.model.lexicon import Entry
from tanger.model.training import data, recipe
from tanger.model.training.distributed import Processes
from tanger.model.training.recipe import Recipe
from tanger.model.training.trainer import Trainer

# How long an example takes is the machine's affair.
settings.register_profile("tanger", deadline=None)
settings.load_profile("tanger")

ROOT = Path(__file__).parent.parent
SPLIT_FOLDERS = (ROOT / "data" / "cmudict", ROOT.parent / "shared" / "data" / "cmudict")

# A language with digraphs, so that a letter alone does not tell its sound.
_SOUNDS = {"NG": "NG", "ER": "ER", "A": "AE", "B": "B", "D": "D", "E": "EH", "G": "G", "N": "N",
           "R": "R", "T": "T", "'": "T"}  # fmt: skip

TINY_RECIPE = """
seed = 3
sample_word = "TANGER"
[vocabulary]
shared = false
masked = true
[network]
hidden = 48
embedding = 16
direction = "bidirectional"
encoder_layers = 1
decoder_layers = 1
decoder_init = "each"
attention = true
stabiliser = false
add_bos_eos = false
dropout = 0.05
[minibatches]
unit = "words"
size = 16
[optimiser]
kind = "adamw"
learning_rate = 1e-2
warmup = 20
final = 0.05
weight_decay = 0.0
clip = 2.0
[loss]
label_smoothing = 0.05
[run]
epochs = 8
averaging = 0.9
[fast]
epochs = 1
epoch_tokens = 500
"""


# Training in one process, on the CPU.
ALONE = Processes(0, 1, torch.device("cpu"))


class SilentReporter:
    """Watches a run and keeps what it saw."""

    def __init__(self):
        self.samples = []
        self.epochs = []

    def started(self, recipe, data, network, progress):
        pass

    def minibatch(self, recipe, progress, *, share, loss, error):
        pass

    def sample(self, progress, *, loss, error, phonemes):
        self.samples.append((progress.minibatches, loss, error, phonemes))

    def epoch(self, record, *, best):
        self.epochs.append((record, best))


def train(
    recipe, *, lexicon_path, dev_path, out, run, reporter, init=None, further=(), soft_labels=None,
    stress=None, processes=ALONE, **options,
):  # fmt: skip
    """Read the data and train on them, as the command does; `options` are those of `fit`."""
    read = data.read(
        recipe, lexicon_path, dev_path, further=further, soft_path=soft_labels, stress_path=stress
    )
    trainer = Trainer(
        recipe, read, out=out, run=run, processes=processes, reporter=reporter, init=init
    )
    return trainer.fit(**options)


def sound_out(word: str) -> tuple[str, ...]:
    """The pronunciation of a word of the little language."""
    phonemes = []
    while word:
        size = 2 if word[:2] in _SOUNDS else 1
        phonemes.append(_SOUNDS[word[:size]])
        word = word[size:]
    return tuple(phonemes)


def little_words(count: int, *, seed: int) -> list[Entry]:
    """Entries of the little language, all different."""
    draw = random.Random(seed)
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(draw.choices("ABDEGNRT'", k=draw.randint(2, 8)))] = None
    return [Entry(word, sound_out(word)) for word in words]


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def reporter() -> SilentReporter:
    return SilentReporter()


@pytest.fixture(scope="session")
def tiny_recipe_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("recipes") / "tiny.toml"
    path.write_text(TINY_RECIPE)
    return path


@pytest.fixture(scope="session")
def tiny_recipe(tiny_recipe_file) -> Recipe:
    return recipe.load(str(tiny_recipe_file))


@pytest.fixture(scope="session")
def little_lexicon(tmp_path_factory) -> dict[str, Path]:
    """Lexicons of the little language: train, dev and test, no word in two of them."""
    folder = tmp_path_factory.mktemp("lexicon")
    entries = little_words(1700, seed=1)
    parts = {"train": entries[:1500], "dev": entries[1500:1600], "test": entries[1600:]}
    paths = {name: folder / f"{name}.dict" for name in parts}
    for name, part in parts.items():
        lexicon.write(paths[name], part, "cmudict")
    return paths


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory, tiny_recipe, little_lexicon) -> Path:
    """An artifact that has really learnt the little language, digraphs and all."""
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("artifacts")
    assert train(
        tiny_recipe,
        lexicon_path=little_lexicon["train"],
        dev_path=little_lexicon["dev"],
        out=folder / "tiny",
        run=folder / "run",
        reporter=SilentReporter(),
    )
    return folder / "tiny"


@pytest.fixture(scope="session")
def split() -> Path:
    """The folder of Microsoft's CMUdict split."""
    for folder in SPLIT_FOLDERS:
        if (folder / "cmudict-0.7b.train-dev-20-21").exists():
            return folder
    pytest.skip("the CMUdict split is not here: make data")


@pytest.fixture(scope="session")
def shipped_artifact() -> Path:
    return ROOT / "artifacts" / "en-us"
