"""Results as JSON, put together from text: what `service.schemas` shows in the OpenAPI document.

Models would check what has just been made, for as long as all the rest of an answer takes. Tests
hold all of it to the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from json.encoder import encode_basestring as _quoted

from pydantic_core import to_json

from service.schemas import Answerer, ModelName, WordError


def result(
    word: str,
    normalized: str | None,
    source: Answerer | None,
    pronunciations: str,
    warnings: Sequence[str] = (),
    error: WordError | None = None,
    explain: str = "null",
) -> str:
    """The object that tells all of a word; `explain` is JSON already."""
    spelt = "null" if normalized is None else _quoted(normalized)
    answerer = "null" if source is None else f'"{source}"'
    told = to_json(warnings).decode() if warnings else "[]"
    wrong = "null" if error is None else error.model_dump_json()
    return (
        f'{{"word":{_quoted(word)},"normalized":{spelt},"source":{answerer},'
        f'"pronunciations":{pronunciations},"warnings":{told},"error":{wrong},'
        f'"explain":{explain}}}'
    )


def response(model: ModelName, results: Sequence[bytes]) -> list[bytes]:
    """The parts of the whole answer, one a result, encoded as they are."""
    first = f'{{"model":{model.model_dump_json()},"results":['.encode()
    if not results:
        return [first + b"]}"]
    parts = [b"," + result for result in results]
    parts[0] = first + results[0]
    parts[-1] += b"]}"
    return parts
