"""What the OpenAPI document says beyond what FastAPI finds out by itself."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from tanger.service.errors import PROBLEM_MEDIA_TYPE
from tanger.service.request_body import TIMEOUT
from tanger.service.schemas import Problem, PronounceRequest, PronounceResponse, Spoken
from tanger.service.settings import Settings

# Bodies that the routes read and write by themselves, so that FastAPI does not know them
_MODELS = (PronounceRequest, Spoken, Problem)
_REFERENCE = "#/components/schemas/{model}"
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key (RFC 6750)."},
    "api_key": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "An API key.",
    },
}


class DescribedApp(FastAPI):
    """FastAPI, its document whole: every schema by reference, limits, and who needs an API key.

    Its `state` holds the `settings`.

    Attributes:
        public: the templates of the routes that need no API key; None where no route does.
    """

    public: Set[str] | None = None

    def openapi(self) -> dict[str, Any]:
        """The document."""
        if self.openapi_schema is not None:
            return self.openapi_schema
        document = super().openapi()
        _, own = models_json_schema(
            [(model, "validation") for model in _MODELS], ref_template=_REFERENCE
        )
        schemas = document["components"]["schemas"]
        schemas |= own["$defs"]
        # FastAPI leaves every null out of an example
        schemas[PronounceResponse.__name__] |= PronounceResponse.model_config["json_schema_extra"]
        self._describe_timeouts(document)
        if self.public is not None:
            document["components"]["securitySchemes"] = _SCHEMES
            document["security"] = [{name: []} for name in _SCHEMES]
            for path in self.public & document["paths"].keys():
                for operation in document["paths"][path].values():
                    operation["security"] = []
        return document

    def _describe_timeouts(self, document: dict[str, Any]) -> None:
        settings: Settings = self.state.settings
        for operations in document["paths"].values():
            for operation in operations.values():
                for parameter in operation.get("parameters", ()):
                    if parameter["name"] == TIMEOUT:
                        parameter["description"] = (
                            f"Seconds that the request may take; {settings.timeout:g} by default."
                        )
                        parameter["schema"]["maximum"] = settings.max_timeout


def _reference(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": _REFERENCE.format(model=model.__name__)}


def json_body(model: type[BaseModel]) -> dict[str, Any]:
    """The description of a body that the route reads by itself."""
    content = {"application/json": {"schema": _reference(model)}}
    return {"requestBody": {"required": True, "content": content}}


# The description of a header that routes read by themselves. Its limits are the service's own:
# `DescribedApp` fills them in.
TIMEOUT_HEADER: dict[str, Any] = {
    "parameters": [
        {
            "name": TIMEOUT,
            "in": "header",
            "required": False,
            "description": "",
            "schema": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        }
    ]
}


def _problem(description: str) -> dict[str, Any]:
    content = {PROBLEM_MEDIA_TYPE: {"schema": _reference(Problem)}}
    return {"description": description, "content": content}


# Every failed request is answered with a problem.
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": _problem("A problem with the request"),
    "5XX": _problem("A problem of the service, or no time or room for the request"),
}
