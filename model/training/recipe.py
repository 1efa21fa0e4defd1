"""Recipes: TOML files that, together with a lexicon, determine how an artifact is trained.

A recipe may extend another one with ``extends = "en-us-base"`` at its top: the name of a recipe
that comes with tanger, or the path of a file relative to the recipe. It then contains only what
differs. Tables are merged key by key.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields, replace
from importlib import resources
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args, get_origin, get_type_hints

from tanger.model import TangerError
from tanger.model.network.config import RENAMED_FIELDS, NetworkConfig

# Unit of the size of a minibatch: tokens of words in random order, or words of equal length.
MinibatchUnit = Literal["tokens", "words"]
# Settings of the network that follow from the training lexicon
VOCABULARY_SIZES = ("input_symbols", "output_symbols")
# Former names of settings (dotted) and of recipes. Using one is an error that states the new name.
RENAMED_SETTINGS = {f"network.{old}": new for old, new in RENAMED_FIELDS.items()}
RENAMED_RECIPES = {"en-us-large": "en-us"}


class RecipeError(TangerError, ValueError):
    """A recipe is missing or has a setting that is not valid.

    Attributes:
        recipe: name or file of the recipe that contains the setting.
        key: dotted name of the setting.
    """

    def __init__(self, recipe: str, key: str, problem: str) -> None:
        super().__init__(f"recipe {recipe}: {key}: {problem}")
        self.recipe = recipe
        self.key = key


@dataclass(frozen=True)
class VocabularyRecipe:
    """Vocabulary settings.

    Attributes:
        shared: graphemes and phonemes share one table.
        masked: only phonemes and ``</s>`` are emitted.
    """

    shared: bool = False
    masked: bool = True


@dataclass(frozen=True)
class MinibatchRecipe:
    """The content of a minibatch: a number of tokens of any words, or of words of equal length.

    Attributes:
        unit, size: which of the two, and the number.
        joined: number of concatenated pairs of words to add, per word.
    """

    unit: MinibatchUnit
    size: int
    joined: float = 0.0

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError("size must be at least 1")

    def pairs(self, words: int) -> int:
        """Return the number of concatenated pairs to add to `words` words."""
        return round(self.joined * words)


@dataclass(frozen=True)
class MomentumSGDRecipe:
    """CNTK's ``momentum_sgd`` with per-sample settings (see `training.optimizers`)."""

    kind: ClassVar = "momentum-sgd"
    learning_rate: float
    time_constant: float
    clip: float

    def __post_init__(self) -> None:
        if not self.time_constant:
            raise ValueError("time_constant must be above 0")


@dataclass(frozen=True)
class AdamWRecipe:
    """AdamW (Loshchilov & Hutter 2019) with linear warm-up and cosine decay to `final`."""

    kind: ClassVar = "adamw"
    learning_rate: float
    warmup: int
    final: float
    weight_decay: float
    clip: float


@dataclass(frozen=True)
class LossRecipe:
    """Settings of the loss, which is a cross-entropy.

    Attributes:
        label_smoothing: share of a label's probability that is spread over all symbols.
        soft_labels: share of the loss that comes from soft labels, if the run has any.
        stress: weight of the stress head's loss, which is added.
    """

    label_smoothing: float = 0.0
    soft_labels: float = 0.0
    stress: float = 0.0

    def __post_init__(self) -> None:
        if self.label_smoothing >= 1 or self.soft_labels > 1:
            raise ValueError("label_smoothing must be below 1, and soft_labels at most 1")


@dataclass(frozen=True)
class RunRecipe:
    """Length of a run, and settings of its arithmetic.

    Attributes:
        epochs: number of epochs.
        epoch_tokens: label tokens (``<s>`` included) per epoch; 0 for one sweep over the lexicon.
        patience: stop after this number of epochs without improvement on dev; 0 to disable.
        tolerance: dev WER by which a later epoch may be worse and is preferred all the same.
        averaging: decay of the exponential moving average of the weights; 0 to disable.
        bfloat16: multiply in bfloat16 if that is faster on the device.
    """

    epochs: int
    epoch_tokens: int = 0
    patience: int = 0
    tolerance: float = 0.0
    averaging: float = 0.0
    bfloat16: bool = False

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.averaging >= 1:
            raise ValueError("epochs must be at least 1, and averaging below 1")


@dataclass(frozen=True)
class Recipe:
    """The content of a recipe file.

    Attributes:
        name: name of the file, without its suffix.
        seed: seed of all random numbers.
        sample_word: word whose pronunciation is shown during training; ignored if it contains
            graphemes that the lexicon lacks.
    """

    name: str
    seed: int
    sample_word: str
    vocabulary: VocabularyRecipe
    network: NetworkConfig
    minibatches: MinibatchRecipe
    optimiser: MomentumSGDRecipe | AdamWRecipe
    loss: LossRecipe
    run: RunRecipe

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain values, for the artifact's metadata.

        The sizes of the vocabularies are omitted, because the training lexicon determines them.
        """
        network = {k: v for k, v in asdict(self.network).items() if k not in VOCABULARY_SIZES}
        return {
            **asdict(self),
            "network": network,
            "optimiser": {"kind": self.optimiser.kind, **asdict(self.optimiser)},
        }


def names() -> list[str]:
    """Return the names of the recipes that come with tanger."""
    folder = resources.files("tanger.model.recipes")
    return sorted(
        file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")
    )


def load(name: str, *, entries: float = math.inf, fast: bool = False) -> Recipe:
    """Load a recipe by its name or from a file.

    A setting may depend on the size of the training lexicon: ``{ 0 = 128, 30000 = 256 }`` is 128
    for fewer than 30,000 entries and 256 otherwise.

    Args:
        name: a recipe that comes with tanger, or a file.
        entries: number of entries of the training lexicon.
        fast: override settings of ``[run]`` with the recipe's ``[fast]`` table, for a short test
            run.

    Raises:
        RecipeError: if there is no such recipe, or a setting is wrong, missing or unknown.
    """
    settings = _read(name)
    short = settings.values.pop("fast", None)
    recipe = _recipe(settings, entries)
    if not fast:
        return recipe
    if not isinstance(short, dict):
        raise settings.error("fast", "is missing: this recipe has no short run")
    values = {**asdict(recipe.run), **short}
    return replace(recipe, run=_table(settings, "fast", RunRecipe, values, entries))


# ------------------------------------------------------------------------------------------------
# Files to settings.


@dataclass(frozen=True)
class _Settings:
    """A recipe's settings as read from TOML, merged with those of the recipes that it extends.

    Attributes:
        name: name or file of the recipe.
        values: settings and tables of settings.
        files: the recipe that each setting comes from, by dotted key.
    """

    name: str
    values: dict[str, Any]
    files: dict[str, str]

    def error(self, key: str, problem: str) -> RecipeError:
        """Return an error about the setting `key`, naming the recipe that it comes from."""
        return RecipeError(self.files.get(key, self.name), key, problem)


def _read(name: str, extending: tuple[str, ...] = ()) -> _Settings:
    """Read the settings of a recipe and of those that it extends.

    Args:
        name: name or file of the recipe.
        extending: the recipes that extend it, the direct one last.
    """
    by, key = (extending[-1], "extends") if extending else (name, "name")
    if name in extending:
        cycle = " extends ".join([*extending[extending.index(name) :], name])
        raise RecipeError(by, key, f"goes in a circle: {cycle}")
    if name in names():
        content = resources.files("tanger.model.recipes").joinpath(f"{name}.toml").read_bytes()
    elif Path(name).is_file():
        content = Path(name).read_bytes()
    elif name in RENAMED_RECIPES:
        raise RecipeError(by, key, f"{name} is gone: take {RENAMED_RECIPES[name]}")
    else:
        known = ", ".join(names())
        raise RecipeError(by, key, f"there is no file {name}, nor is it one of {known}")
    try:
        own = tomllib.loads(content.decode())
    except ValueError as e:
        raise RecipeError(name, "file", f"is not TOML in UTF-8: {e}") from e
    extended = own.pop("extends", None)
    if extended is None:
        return _merge(_Settings(name, {}, {}), name, own)
    if not isinstance(extended, str):
        raise RecipeError(name, "extends", f"must be a recipe's name or file, not {extended!r}")
    if extended not in names():
        extended = os.path.normpath(Path(name).parent / extended)
    return _merge(_read(extended, (*extending, name)), name, own)


def _merge(base: _Settings, name: str, own: Mapping[str, Any]) -> _Settings:
    """Merge the settings `own` of the recipe `name` over those of the recipe that it extends.

    Tables are merged key by key, except if their ``kind`` differs: settings of one optimiser have
    no meaning for another.
    """
    values, files = dict(base.values), dict(base.files)
    for key, value in own.items():
        before, files[key] = values.get(key), name
        if not isinstance(value, dict):
            values[key] = value
            continue
        files.update({f"{key}.{inner}": name for inner in value})
        if isinstance(before, dict) and value.get("kind", before.get("kind")) == before.get("kind"):
            values[key] = {**before, **value}
        else:
            values[key] = value
    return _Settings(name, values, files)


# ------------------------------------------------------------------------------------------------
# Settings to frozen dataclasses.


def _recipe(settings: _Settings, entries: float) -> Recipe:
    """Check the settings and return them as a `Recipe`, with settings by size resolved."""
    tables: dict[str, type] = {
        "vocabulary": VocabularyRecipe,
        "network": NetworkConfig,
        "minibatches": MinibatchRecipe,
        "optimiser": _optimizer_type(settings),
        "loss": LossRecipe,
        "run": RunRecipe,
    }
    built: dict[str, Any] = {}
    for table, into in tables.items():
        built[table] = _table(settings, table, into, settings.values.pop(table, {}), entries)
    scalars = {"seed": 1, "sample_word": "", **settings.values}
    for key, value in scalars.items():
        if key not in ("seed", "sample_word"):
            listed = ", ".join(sorted({"seed", "sample_word", "extends", "fast", *tables}))
            raise settings.error(key, f"is not known; known are {listed}")
        _check(settings, key, int if key == "seed" else str, value)
    if scalars["seed"] >= 2**63:
        raise settings.error("seed", "must be below 2^63")
    return Recipe(name=Path(settings.name).stem, **scalars, **built)


def _optimizer_type(settings: _Settings) -> type[MomentumSGDRecipe | AdamWRecipe]:
    """Return the dataclass of the optimiser's kind, and remove ``kind`` from the settings."""
    table = settings.values.get("optimiser")
    kind = table.pop("kind", "none") if isinstance(table, dict) else "none"
    kinds: tuple[type[MomentumSGDRecipe | AdamWRecipe], ...] = (MomentumSGDRecipe, AdamWRecipe)
    for each in kinds:
        if each.kind == kind:
            return each
    known = ", ".join(each.kind for each in kinds)
    raise settings.error("optimiser.kind", f"must be one of {known}, not {kind}")


_T = TypeVar("_T")


def _table(settings: _Settings, table: str, into: type[_T], values: Any, entries: float) -> _T:
    """Check one table and return it as the frozen dataclass `into`."""
    if not isinstance(values, dict):
        raise settings.error(table, f"must be a table, not {values!r}")
    hints = get_type_hints(into)
    wanted = {field.name: field for field in fields(into)}  # type: ignore[arg-type]
    resolved = {}
    for key, value in values.items():
        dotted = f"{table}.{key}"
        if key not in wanted:
            raise settings.error(dotted, _unknown(dotted, wanted))
        if into is NetworkConfig and key in VOCABULARY_SIZES:
            raise settings.error(dotted, "is for the training lexicon to decide")
        by_size = isinstance(value, dict)
        resolved[key] = _for_size(settings, dotted, value, entries) if by_size else value
        _check(settings, dotted, hints[key], resolved[key])
    for key, field in wanted.items():
        if key not in values and field.default is MISSING:
            raise settings.error(f"{table}.{key}", "is missing")
    try:
        return into(**resolved)
    except ValueError as e:
        raise settings.error(table, str(e)) from e


def _unknown(key: str, known: Iterable[str]) -> str:
    if key in RENAMED_SETTINGS:
        return f"is called {RENAMED_SETTINGS[key]} now"
    return f"is not known; known are {', '.join(known)}"


def _for_size(settings: _Settings, key: str, by_size: Mapping[str, Any], entries: float) -> Any:
    """Return the value of a setting for a lexicon of `entries` entries."""
    if "0" not in by_size or not all(size.isdecimal() for size in by_size):
        raise settings.error(
            key, f"must go from numbers of entries to values, from 0 on, not {by_size!r}"
        )
    return by_size[max((size for size in by_size if int(size) <= entries), key=int)]


def _check(settings: _Settings, key: str, hint: Any, value: object) -> None:
    """Refuse a value that is not of type `hint`, or a number that is negative or not finite."""
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            choices = ", ".join(get_args(hint))
            raise settings.error(key, f"must be one of {choices}, not {value!r}")
        return
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
        raise settings.error(key, f"must be {hint.__name__}, not {value!r}")
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise settings.error(key, f"must be finite and not negative, it is {value!r}")


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings to one with dotted keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[f"{prefix}{key}"] = value
    return found
