"""A FastAPI server that does not decode, to measure the cost of HTTP alone.

Run as ``python -m benchmarks.http_noop PORT``. It has the same schemas as the service, handled by
FastAPI in the usual way, and returns a constant result for each word.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

from tanger.service.schemas import (
    ModelName,
    Probe,
    PronounceRequest,
    PronounceResponse,
    Pronunciation,
    Result,
    Source,
)

app = FastAPI()


@app.post("/pronounce")
async def pronounce(requested: PronounceRequest) -> PronounceResponse:
    phonemes = ("T", "AE", "NG", "ER")
    return PronounceResponse(
        model=ModelName(name="no-op", version="0" * 12, language="en-US"),
        results=tuple(
            Result(
                word=word,
                normalized=word.upper(),
                source="model",
                pronunciations=(
                    Pronunciation(
                        phonemes=phonemes,
                        text=" ".join(phonemes),
                        probability=0.707249,
                        complete=True,
                        alignment=None,
                    ),
                ),
                warnings=(),
                error=None,
                explain=None,
            )
            for word in requested.words
        ),
    )


@app.get("/pronounce/{word}")
async def pronounce_word(word: str, source: Source | None = None) -> PronounceResponse:
    return await pronounce(PronounceRequest(words=[word], source=source))


@app.get("/livez")
async def livez() -> Probe:
    return Probe(status="ok", workers=0)


if __name__ == "__main__":
    # The settings of service/http_server.py
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        http="httptools",
        ws="none",
        loop="uvloop",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
