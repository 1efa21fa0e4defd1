"""A network that fails on certain words, injected into the decoding processes from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import ROOT

# Imported by Python at the start of each process
_SITE = """
import sys
if "tanger.service.serving.worker" in sys.orig_argv:
    import os, time
    from tanger.model.phonemizer import NetworkPhonemizer
    answer = NetworkPhonemizer.nbest
    def poisoned(self, words, *arguments, **options):
        for word in words:
            if word.startswith("QXRAISE"):
                raise ArithmeticError("poison")
            if word.startswith("QXDIE"):
                os._exit(9)
            if word.startswith("QXHANG"):
                time.sleep(600)
            if word.startswith("QXTOIL"):
                until = time.process_time() + 1.5
                while time.process_time() < until:
                    pass
        return answer(self, words, *arguments, **options)
    NetworkPhonemizer.nbest = poisoned
"""


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make services started from now on raise, exit, hang or loop on words with certain prefixes.

    Args:
        folder: an empty folder for ``sitecustomize.py``.
        monkeypatch: restores the environment.
    """
    (folder / "sitecustomize.py").write_text(_SITE)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
