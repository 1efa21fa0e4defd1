"""A first look at a large JSON body, at a cost that does not hang on what is wrong with it.

pydantic copies what it refuses into its errors: half a megabyte of a field that nobody knows would
take it a tenth of a second, in which nobody else is answered. msgspec stops at the first fault.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
from pydantic import BaseModel

# Bytes that a field other than a list of texts may have: all of them are numbers, flags and names.
_FIELD_BYTES = 1024


def first_fault(body: bytes, model: type[BaseModel]) -> str | None:
    """What is wrong with the shape of `body` as JSON of `model`; None where pydantic may read it.

    Raises:
        ValueError: where it is not JSON.
    """
    try:
        found = msgspec.json.decode(body, type=_shape(model))
    except msgspec.ValidationError as e:
        _check_syntax(body)
        return str(e)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise _not_json(e) from e
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if isinstance(value, msgspec.Raw) and len(bytes(value)) > _FIELD_BYTES:
            return f"{name} has more than {_FIELD_BYTES:,} bytes"
    return None


def _check_syntax(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError) as e:
        raise _not_json(e) from e


def _not_json(error: Exception) -> ValueError:
    return ValueError(f"the body is not JSON: {error}")


@cache
def _shape(model: type[BaseModel]) -> type[msgspec.Struct]:
    """The lists of texts of `model` as such, and its other fields as JSON that is not read."""
    fields: list[tuple[str, Any, Any]] = [
        (name, list[str] if field.annotation == list[str] else msgspec.Raw, msgspec.UNSET)
        for name, field in model.model_fields.items()
    ]
    return msgspec.defstruct(f"{model.__name__}Shape", fields, forbid_unknown_fields=True)
