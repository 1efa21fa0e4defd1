"""A little language, and a network that has been trained on it."""

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tanger.model import lexicon
from tanger.model.training import recipe
from tanger.model.training.recipe import Recipe
from tests.support.lexicons import little_words
from tests.support.recipes import TINY_RECIPE
from tests.support.training import SilentReporter, train


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
    """An artifact that has really learnt the little language, digraphs and all.

    It is trained once for all processes of a test run: a copy of each, since some tests compare
    the files of a folder before and after.
    """
    here = tmp_path_factory.mktemp("artifacts")
    run = tmp_path_factory.getbasetemp()
    shared = (run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "tiny"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if not (shared / "done").exists():
            assert train(
                tiny_recipe,
                lexicon_path=little_lexicon["train"],
                dev_path=little_lexicon["dev"],
                out=shared / "tiny",
                run=shared / "run",
                reporter=SilentReporter(),
            )
            (shared / "done").touch()
    shutil.copytree(shared / "tiny", here / "tiny")
    return here / "tiny"
