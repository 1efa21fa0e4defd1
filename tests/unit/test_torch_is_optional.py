"""Torch is optional: only tests of code that computes with it may import it."""

import subprocess
import sys

from tests.support import ROOT

# Modules in tests/unit that need torch.
NEED_TORCH = {
    "decoding/test_devices.py",
    "decoding/test_reference.py",
    "network/test_cost.py",
    "network/test_dropout.py",
    "network/test_lstm.py",
    "network/test_precision.py",
    "network/test_seq2seq.py",
    "network/test_unrolled.py",
    "training/test_batches.py",
    "training/test_optimizers.py",
}

# Prints the modules that cannot be imported without torch.
_IMPORT_ALL = """
import runpy, sys
from pathlib import Path

sys.modules["torch"] = None
for path in sorted(Path("tests/unit").rglob("test_*.py")):
    try:
        runpy.run_path(str(path))
    except ModuleNotFoundError as e:
        assert e.name == "torch", e
        print(path.relative_to("tests/unit").as_posix())
"""


# Prints what a decoding process, of which there is one a core, has to import of these
_IMPORT_WORKER = """
import sys
import tanger.service.serving.worker
print(*({"torch", "pydantic", "fastapi", "uvicorn"} & set(sys.modules)))
"""


def test_decoding_processes_import_neither_torch_nor_the_web():
    """They start in a quarter of a second, and take 20 MB less."""
    command = [sys.executable, "-c", _IMPORT_WORKER]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert not done.stdout.split()


def test_unit_tests_need_torch_only_for_what_computes_with_it():
    command = [sys.executable, "-c", _IMPORT_ALL]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == NEED_TORCH
