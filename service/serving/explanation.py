"""Which lexicon, rule or network answered each part of a word, for requests that ask for it."""

from __future__ import annotations

from tanger.service.schemas import Answerer, ExplainedPart, Explanation, OriginSource
from tanger.service.serving.resolution import Segment, WordResolution

_NOTHING = Explanation(source=None, lexicon=None, rank=None, rule=None, stem=None, parts=())


def explain(plan: WordResolution, source: Answerer | None) -> str:
    """The explanation of a result, as JSON.

    Args:
        plan: of the word.
        source: what the result says that it comes from; None where it has an error.
    """
    parts = tuple(map(_part, plan.segments))
    if source is None or not parts:
        return _NOTHING.model_copy(update={"parts": parts}).model_dump_json()
    if len(parts) == 1:
        whole = parts[0].model_dump(exclude={"text"})
    else:
        by_rule = all(part.source == "rule" for part in parts)
        whole = {**_NOTHING.model_dump(), "source": "rule" if by_rule else source}
    return Explanation(**{**whole, "parts": parts}).model_dump_json()


def _part(piece: Segment) -> ExplainedPart:
    source: OriginSource = piece.source or "rule"
    return ExplainedPart(text=piece.text, source=source, **piece.place._asdict())
