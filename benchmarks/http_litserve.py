"""Serve the network by LitServe: ``python -m benchmarks.http_litserve ARGUMENTS``.

The arguments: artifact; port; number of decoding processes; ``queue`` (LitServe's default) or
``zeromq`` (recommended above 100 requests per second); number of HTTP processes.
"""

# LitServe inspects annotations, so they must not be strings here

import sys
from collections.abc import Sequence
from pathlib import Path

import litserve

from tanger.model import artifact as artifacts
from tanger.model.decoding.hypothesis import Hypothesis
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.model.phonology import notation
from tanger.model.text.speller import Speller
from tanger.service.schemas import (
    ModelName,
    PronounceRequest,
    PronounceResponse,
    Pronunciation,
    Result,
)

# Most requests per batch: half of 32 connections, since there are two workers. And how long the
# first one waits for others: without a wait, LitServe's workers poll in a busy loop.
_MAX_BATCH = 16
_WAIT = 0.002

Spelt = list[tuple[str, str]]


class PronounceAPI(litserve.LitAPI):
    """Responds like `serving.pronouncer`, for words of valid graphemes."""

    def __init__(self, artifact: Path) -> None:
        super().__init__(max_batch_size=_MAX_BATCH, batch_timeout=_WAIT, api_path="/pronounce")
        self.artifact = artifact

    def setup(self, device: str) -> None:
        artifact = artifacts.read(self.artifact)
        self.model = ModelName(
            name=artifact.name, version=artifact.version, language=artifact.language.code
        )
        self.speller = Speller(artifact.graphemes.own)
        self.alphabet = notation.available(artifact.phonemes.own)[0]
        self.phonemizer = NetworkPhonemizer.load(self.artifact, "cpu")

    def decode_request(self, request: PronounceRequest) -> Spelt:
        return [(word, self.speller.spell(word).normalized or "") for word in request.words]

    def predict(self, x: Sequence[Spelt]) -> list[list[tuple[str, str, Hypothesis]]]:
        predicted = iter(
            self.phonemizer.pronounce([spelt for requested in x for _, spelt in requested])
        )
        return [[(word, spelt, next(predicted)) for word, spelt in requested] for requested in x]

    def encode_response(self, output: list[tuple[str, str, Hypothesis]]) -> PronounceResponse:
        return PronounceResponse(
            model=self.model,
            results=tuple(self._result(*answered) for answered in output),
        )

    def _result(self, word: str, spelt: str, predicted: Hypothesis) -> Result:
        phonemes = notation.write(predicted.phonemes, self.alphabet, None)
        return Result(
            word=word,
            normalized=spelt,
            source="model",
            pronunciations=(
                Pronunciation(
                    phonemes=phonemes,
                    text=" ".join(phonemes),
                    probability=round(predicted.probability, 6),
                    complete=predicted.complete,
                    alignment=None,
                ),
            ),
            warnings=(),
            error=None,
            explain=None,
        )


def main(artifact: str, port: str, workers: str, queue: str, http_processes: str) -> None:
    server = litserve.LitServer(
        PronounceAPI(Path(artifact)),
        accelerator="cpu",
        devices=1,
        workers_per_device=int(workers),
        fast_queue=queue == "zeromq",
    )
    server.run(
        host="127.0.0.1",
        port=int(port),
        num_api_servers=int(http_processes),
        generate_client_file=False,
        log_level="warning",
        access_log=False,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
