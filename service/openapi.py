"""What the OpenAPI document says beyond what FastAPI finds out by itself."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel

from service import problems
from service.intake import TIMEOUT
from service.schemas import Problem, PronounceResponse


class DescribedApp(FastAPI):
    """FastAPI, its document's example whole."""

    def openapi(self) -> dict[str, Any]:
        """The document; FastAPI by itself leaves every null out of the example."""
        document = super().openapi()
        schema = document["components"]["schemas"][PronounceResponse.__name__]
        schema |= PronounceResponse.model_config["json_schema_extra"]
        return document


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a body that the route reads by itself."""
    schema = model.model_json_schema()
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def timeout_header(*, default: float, most: float) -> dict[str, Any]:
    """The description of a header that the route reads by itself.

    Args:
        default: seconds that a request may take which does not say.
        most: seconds that it may ask for.
    """
    return {
        "parameters": [
            {
                "name": TIMEOUT,
                "in": "header",
                "required": False,
                "description": f"Seconds that the request may take; {default:g} by default.",
                "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": most},
            }
        ]
    }


def _problem(description: str) -> dict[str, Any]:
    schema = Problem.model_json_schema()
    # In one piece: inside another document `#/$defs` leads nowhere.
    schema["properties"]["errors"]["items"] = schema.pop("$defs")["ProblemError"]
    return {"description": description, "content": {problems.MEDIA_TYPE: {"schema": schema}}}


# Every failed request is answered with a problem.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": _problem("A problem with the request"),
    "5XX": _problem("A problem of the service, or no time or room for the request"),
}
