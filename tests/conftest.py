"""What all tests share: the real split, the shipped artifact, settings of hypothesis and torch."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support import ROOT

# How long an example takes is the machine's affair.
settings.register_profile("tanger", deadline=None)
settings.load_profile("tanger")

SPLIT_FOLDERS = (ROOT / "data" / "cmudict", ROOT.parent / "shared" / "data" / "cmudict")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Where torch is loaded, it computes on one thread: results do not depend on the machine."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


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
