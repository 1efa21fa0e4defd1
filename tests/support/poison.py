"""A network that breaks on some words, put into the decoding processes from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support import ROOT

# Found by Python as each process starts
_SITE = """
import sys
if "tanger.service.serving.worker" in sys.orig_argv:
    import os, time
    from tanger.model.phonemizer import Phonemizer
    answer = Phonemizer.alternatives
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
    Phonemizer.alternatives = poisoned
"""


def prepare(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have services that are started from now on raise, die, hang or toil on words named so.

    Args:
        folder: to put it into; nothing else of Python's may be there.
        monkeypatch: takes it back in the end.
    """
    (folder / "sitecustomize.py").write_text(_SITE)
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{ROOT}")
