"""A joint n-gram model, which several tests ask."""

import pytest

from tanger.model import lexicon
from tanger.model.distillation import joint_ngram


@pytest.fixture(scope="session")
def ngram(tmp_path_factory, little_lexicon):
    """A joint n-gram model of the little language."""
    pytest.importorskip("phonetisaurus", reason="phonetisaurus is not installed: make dev")
    model = tmp_path_factory.mktemp("ngram") / "little.fst"
    joint_ngram.train(lexicon.read(little_lexicon["train"]), model)
    return model
