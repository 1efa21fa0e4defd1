"""Validate the files of an artifact: types of fields, shapes and number formats of weights, sizes.

Artifacts are untrusted input. Any fault is raised as an `ArtifactError` that names the file, before
anything is built from its content.
"""

from __future__ import annotations

import hashlib
import json
import math
import stat
from collections.abc import Collection, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import safetensors

from tanger.model import FileError
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.language_tags import Language, Variant, canonical, is_tag
from tanger.model.network.config import NetworkConfig
from tanger.model.network.weights import Array, shapes
from tanger.model.phonology.vocabulary import SPACE, Vocabulary

# Largest accepted files, in bytes: the weights, and each other file.
MAX_WEIGHTS = 1 << 30
MAX_FILE = 1 << 24
# Deepest accepted nesting of JSON arrays and objects.
_DEPTH = 32
_NAME = 200  # characters
_SYMBOLS = 1 << 15  # the compiled decoder stores indices in 16 bits
_SYMBOL = 64  # characters
_SIZE = 1 << 14  # largest size in a network's config
_LAYERS = 64
_COEFFICIENT = 1e6
# Weights are stored as float16; some engines also compute in it
_LARGEST_WEIGHT = float(np.finfo(np.float16).max)
# Keeps exp(4 * scale) finite in float32
_LARGEST_SCALE = 20.0
_PINNED_WORDS = 32
_PINNED_LETTERS = 64
_DTYPES = {"F16": np.float16, "F32": np.float32}


class ArtifactError(FileError):
    """An artifact is missing, damaged or not supported."""


def read_file(path: Path, *, limit: int = MAX_FILE) -> bytes:
    """Return the content of a file of an artifact.

    Raises:
        ArtifactError: if it cannot be read, is not a regular file, or has more than `limit` bytes.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ArtifactError(path, "is no ordinary file")
        with path.open("rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as e:
        if isinstance(e, ArtifactError):
            raise
        raise ArtifactError(path, f"cannot be read: {getattr(e, 'strerror', None) or e}") from e
    if len(content) > limit:
        raise ArtifactError(path, f"is larger than {limit:,} bytes, the most that is read")
    return content


def parse_json(path: Path, content: bytes) -> dict[str, Any]:
    """Parse a JSON file whose top level is an object.

    Raises:
        ArtifactError: if it is not a JSON object, is nested too deeply, or contains NaN or
            infinity.
    """

    def refuse(constant: str) -> None:
        raise ArtifactError(path, f"holds {constant}, which is no number of JSON")

    try:
        value = json.loads(content, parse_constant=refuse)
    except ArtifactError:
        raise
    except ValueError as e:
        raise ArtifactError(path, f"is not JSON: {e}") from e
    except RecursionError as e:
        raise ArtifactError(path, f"is nested deeper than {_DEPTH} levels") from e
    if not isinstance(value, dict):
        raise ArtifactError(path, "is not a JSON object")
    level: list[Any] = [value]
    for _ in range(_DEPTH):
        nested = [each for each in level if isinstance(each, dict | list)]
        level = [
            inner
            for each in nested
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
    if any(isinstance(each, dict | list) for each in level):
        raise ArtifactError(path, f"is nested deeper than {_DEPTH} levels")
    return value


def parse_object(path: Path, value: object, name: str) -> dict[str, Any]:
    """Return `value` as a dict; `name` is its field, for the message.

    Raises:
        ArtifactError: if it is not a JSON object.
    """
    if not isinstance(value, dict):
        raise ArtifactError(path, f"{name} is {_described(value)}, not an object")
    return value


def parse_text(path: Path, value: object, name: str, *, longest: int = _NAME) -> str:
    """Return `value` as a string; `name` is its field, for the message.

    Raises:
        ArtifactError: if it is not a string, is empty or too long, or is not printable.
    """
    if not isinstance(value, str):
        raise ArtifactError(path, f"{name} is {_described(value)}, not text")
    if not 0 < len(value) <= longest or not value.isprintable():
        raise ArtifactError(
            path, f"{name} is {value[:80]!a}, not 1 to {longest} printable characters"
        )
    return value


def parse_tag(path: Path, value: object, name: str) -> str:
    """Return `value` as a language tag (BCP 47) in the usual case.

    Raises:
        ArtifactError: if it is none.
    """
    tag = parse_text(path, value, name)
    if not is_tag(tag):
        raise ArtifactError(path, f"{name} is {tag[:80]!a}, not a language tag such as de or en-GB")
    return canonical(tag)


def parse_language(path: Path, manifest: Mapping[str, Any], *, default: Language) -> Language:
    """Return the language of a manifest.

    Args:
        path: of the manifest, for messages.
        manifest: its content.
        default: of a manifest without one.

    Raises:
        ArtifactError: if a field is not valid.
    """
    if manifest.get("language") is None:
        return default
    found = parse_object(path, manifest["language"], "language")
    code = parse_tag(path, found.get("code"), "language.code")
    licence = found.get("licence")
    variants = []
    for key, value in parse_object(path, found.get("variants", {}), "language.variants").items():
        fields = parse_object(path, value, f"language.variants.{key}")
        replaced = parse_object(path, fields.get("phonemes"), f"{key}.phonemes")
        variants.append(
            Variant(
                parse_tag(path, key, "language.variants"),
                parse_text(path, fields.get("name"), f"{key}.name"),
                {old: parse_text(path, new, f"{key}.phonemes") for old, new in replaced.items()},
            )
        )
    return Language(
        code,
        parse_text(path, found.get("name", code), "language.name"),
        None if licence is None else parse_text(path, licence, "language.licence"),
        tuple(variants),
    )


def parse_sha256(path: Path, value: object, name: str) -> str:
    """Return `value` as a hexadecimal sha256 digest; `name` is the file, for the message.

    Raises:
        ArtifactError: if it is not such a digest.
    """
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ArtifactError(path, f"the sha256 of {name} is {_described(value)}")
    return value


def parse_checksums(
    path: Path, manifest: Mapping[str, Any], names: Collection[str]
) -> dict[str, str]:
    """Return the sha256 that a manifest lists for each of the files `names`.

    Raises:
        ArtifactError: if a file is not listed or its digest is not valid.
    """
    listed = parse_object(path, manifest.get("files"), "files")
    entries = {name: parse_object(path, listed.get(name), f"files[{name!r}]") for name in names}
    return {name: parse_sha256(path, each.get("sha256"), name) for name, each in entries.items()}


def check_sha256(path: Path, content: bytes, sha256: str) -> None:
    """Refuse a file whose sha256 is not the one in the manifest.

    Raises:
        ArtifactError: states both digests.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ArtifactError(
            path,
            f"is damaged or not the artifact's own: its sha256 is {found[:12]}..., the manifest "
            f"says {sha256[:12]}...",
        )


def parse_network(path: Path, value: object) -> NetworkConfig:
    """Return the network's configuration, with the type of each field checked.

    Raises:
        ArtifactError: names the field that is missing, unknown or of the wrong type.
    """
    given = parse_object(path, value, "network")
    known = {each.name: each for each in fields(NetworkConfig)}
    hints = get_type_hints(NetworkConfig)
    if unknown := sorted(given.keys() - known.keys()):
        raise ArtifactError(path, f"network has no field {_listed(unknown)} in this version")
    required = {name for name, each in known.items() if each.default is MISSING}
    if missing := sorted(required - given.keys()):
        raise ArtifactError(path, f"network lacks {_listed(missing)}")
    for name, field_value in given.items():
        _check_field(path, name, field_value, hints[name])
    try:
        return NetworkConfig(**given)
    except ValueError as e:
        raise ArtifactError(path, f"network: {e}") from e


def _check_field(path: Path, name: str, value: object, hint: Any) -> None:
    """Refuse a value that is not of its configuration field's type."""
    if hint is bool:
        fits, expected = isinstance(value, bool), "true or false"
    elif hint is int:
        maximum = _LAYERS if name.endswith("layers") else _SIZE
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= maximum
        expected = f"a whole number of at most {maximum}"
    elif hint is float:
        fits, expected = _is_number(value), "a number"
    else:  # a Literal
        choices = get_args(hint)
        fits = isinstance(value, str) and value in choices
        expected = f"one of {', '.join(choices)}"
    if not fits:
        raise ArtifactError(path, f"network.{name} is {_described(value)}, not {expected}")


def parse_calibration(path: Path, value: object, name: str) -> Calibration | None:
    """Return a calibration; None if there is none or its fields are those of an older version.

    Raises:
        ArtifactError: if it is not an object of numbers.
    """
    if value is None:
        return None
    given = parse_object(path, value, name)
    for field, number in given.items():
        if not (_is_number(number) and abs(number) <= _COEFFICIENT):
            problem = f"{name}.{field[:80]} is {_described(number)}, not a number"
            raise ArtifactError(path, f"{problem} of at most {_COEFFICIENT:,.0f}")
    try:
        return Calibration(**given)
    except TypeError:
        return None


def parse_bloom_filter(path: Path, content: bytes | None) -> BloomFilter | None:
    """Return a Bloom filter from the content of its file; None if there is none.

    Raises:
        ArtifactError: if it has no bits.
    """
    if content == b"":
        raise ArtifactError(path, "is empty")
    return None if content is None else BloomFilter(content)


def parse_vocabulary(path: Path, value: object, name: str) -> Vocabulary:
    """Return a vocabulary; `name` is its field, for the message.

    Raises:
        ArtifactError: if it is not a valid vocabulary or contains only the special symbols.
    """
    given = parse_object(path, value, name)
    symbols = given.get("symbols")
    if not isinstance(symbols, list) or len(symbols) > _SYMBOLS:
        found = f"{len(symbols):,} symbols" if isinstance(symbols, list) else _described(symbols)
        raise ArtifactError(path, f"{name}.symbols is {found}, not an array of at most {_SYMBOLS}")
    for place, symbol in enumerate(symbols):
        # str.isprintable would also refuse joiners (category Cf), which may be part of a symbol
        fits = isinstance(symbol, str) and 0 < len(symbol) <= _SYMBOL
        blank = fits and symbol != SPACE and symbol.split() != [symbol]
        if not fits or blank or not _is_encodable(symbol):
            problem = f"{name}.symbols[{place}] is {_described(symbol)}"
            raise ArtifactError(
                path, f"{problem}, neither a space nor 1 to {_SYMBOL} characters without one"
            )
    for field in ("prefix", "other_prefix"):
        if not isinstance(given.get(field), str) or len(given[field]) > _SYMBOL:
            raise ArtifactError(path, f"{name}.{field} is {_described(given.get(field))}, not text")
    try:
        vocabulary = Vocabulary(tuple(symbols), given["prefix"], given["other_prefix"])
    except ValueError as e:
        raise ArtifactError(path, f"{name}: {e}") from e
    if not vocabulary.own:
        raise ArtifactError(path, f"{name} has no symbol beside the special ones")
    if name == "phonemes" and SPACE in vocabulary:
        raise ArtifactError(path, f"{name} has a space, which stands between phonemes")
    return vocabulary


def parse_weights(path: Path, content: bytes, config: NetworkConfig) -> dict[str, Array]:
    """Return the weights of a network by parameter name, as float32.

    Raises:
        ArtifactError: names the weight that is missing, unknown, not finite, or of another shape or
            number format than the configuration requires.
    """
    try:
        found = dict(safetensors.deserialize(content))  # type: ignore[no-untyped-call]
    except (safetensors.SafetensorError, ValueError) as e:
        raise ArtifactError(path, f"is no safetensors file: {e}") from e
    expected = shapes(config)
    misfit = "its weights and config do not fit: "
    if missing := sorted(expected.keys() - found.keys()):
        raise ArtifactError(path, f"{misfit}it lacks {_listed(missing)}")
    if unknown := sorted(found.keys() - expected.keys()):
        raise ArtifactError(path, f"{misfit}it holds {_listed(unknown)}")
    weights = {}
    for name, shape in expected.items():
        tensor = found[name]
        dtype = _DTYPES.get(tensor["dtype"])
        if dtype is None:
            problem = f"{name} is in {tensor['dtype']}, not in {' or '.join(_DTYPES)}"
            raise ArtifactError(path, problem)
        # numpy writes a scalar as an array of length 1
        if (tuple(tensor["shape"]) or (1,)) != (shape or (1,)):
            problem = f"{name} has the shape {tensor['shape']}, not {list(shape)}"
            raise ArtifactError(path, f"{misfit}{problem}")
        array = np.frombuffer(tensor["data"], dtype).reshape(shape).astype(np.float32)
        if not (np.abs(array) <= _LARGEST_WEIGHT).all():
            raise ArtifactError(path, f"{name} holds NaN, infinity or a number beyond float16")
        weights[name] = array
    if config.stabiliser and abs(weights["stabiliser.scale"].item()) > _LARGEST_SCALE:
        raise ArtifactError(path, f"stabiliser.scale is beyond {_LARGEST_SCALE:g}")
    return weights


def parse_pinned(
    path: Path, value: object, graphemes: Vocabulary, phonemes: Vocabulary
) -> dict[str, tuple[str, ...]]:
    """Return the pinned words with their expected phonemes.

    Raises:
        ArtifactError: if there are too many words, a word is too long to be decoded at every start
            of a service, or a symbol is not in the artifact's vocabulary.
    """
    given = parse_object(path, value, "words")
    if len(given) > _PINNED_WORDS:
        raise ArtifactError(path, f"holds {len(given):,} words, of which {_PINNED_WORDS} are read")
    pinned = {}
    for word, text in given.items():
        if not 0 < len(word) <= _PINNED_LETTERS or any(letter not in graphemes for letter in word):
            problem = f"{word[:80]!a} is no word of 1 to {_PINNED_LETTERS} of its graphemes"
            raise ArtifactError(path, problem)
        # No answer to a pinned word is longer (see `decoding.hypothesis.length_bound`)
        answer = text.split() if isinstance(text, str) and len(text) <= _SYMBOL * 200 else [""]
        if len(answer) > 200 or any(phoneme not in phonemes for phoneme in answer):
            raise ArtifactError(path, f"the answer to {word!a} is none in its phonemes")
        pinned[word] = tuple(answer)
    return pinned


def _is_number(value: object) -> bool:
    """Whether `value` is an int or float, not a bool, that is finite as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return False
    return True


def _described(value: object) -> str:
    """Describe a value in a few characters, for a message."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**20:
        return "a huge number"
    return "missing" if value is None else ascii(value)[:80]


def _listed(names: Collection[str]) -> str:
    """Return the first three names and the number of others, for a message."""
    shown = ", ".join(name[:80] for name in list(names)[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
