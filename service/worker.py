"""A decoding process: batches of words in on stdin, answers out on stdout, a JSON line each.

The pool starts it as ``python -m service.worker ARTIFACT DEVICE THREADS``. Its first line says
that it is ready, or why it never will be. It ends when its stdin does, so it cannot outlive the
service.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from model import devices
from model.devices import DeviceLostError
from model.errors import TangerError
from model.phonemizer import Phonemizer

# One short and one long word: the first decode of each kind sets up what later ones reuse.
_WARM_UP = (1, 12)


def main(artifact: str, device: str, threads: str) -> int:
    """Load, say so, and answer until stdin ends."""
    answers = _own_stdout()
    try:
        phonemizer = Phonemizer.load(Path(artifact), device, threads=int(threads))
    except (TangerError, OSError) as e:
        _send(answers, {"failed": str(e)})
        return 1
    letter = phonemizer.graphemes.own[0]
    phonemizer.pronounce([letter * count for count in _WARM_UP])
    found = phonemizer.decoder.device
    _send(answers, {"device": found, "gpus": 0 if found == "cpu" else devices.gpus()})
    for line in sys.stdin:
        _send(answers, {"answers": decode(phonemizer, json.loads(line)["words"])})
    return 0


def decode(phonemizer: Phonemizer, words: Sequence[str]) -> list[dict[str, Any]]:
    """Answers for `words`; one that makes the decoder raise gets its error and harms no other.

    Raises:
        DeviceLostError: the device serves this process no more: another one has to.
    """
    try:
        hypotheses = phonemizer.pronounce(words)
    except DeviceLostError:
        raise
    except Exception as e:
        if len(words) == 1:
            return [{"error": f"{type(e).__name__}: {e}"}]
        return [answer for word in words for answer in decode(phonemizer, [word])]
    return [
        {
            "phonemes": hypothesis.phonemes,
            "probability": hypothesis.probability,
            "complete": hypothesis.complete,
            "stress": hypothesis.stress,
        }
        for hypothesis in hypotheses
    ]


def _own_stdout() -> TextIO:
    """Stdout for the answers alone: whatever else would print there goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _send(answers: TextIO, message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
