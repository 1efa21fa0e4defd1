"""Read and write artifacts: the folders that the trainer produces and the service loads.

    manifest.json        name, language, licence; size and sha256 of the files that decide an answer
    weights.safetensors  weights of the network, float16
    config.json          configuration of the network, calibration, training metadata
    vocabulary.json      graphemes and phonemes
    trained-words.bloom  words of the training lexicon as a Bloom filter, where it is known
    metrics.json         error rates, written by the evaluation
    pinned.json          a few words with their expected answers, written by the evaluation
    README.md            model card, written by the evaluation
    metrics.jsonl, learning_curve.png   loss and error rates of each training epoch
    NOTICE               attribution of the training data, if its licence requires it
    lexicon.tsv.xz       built-in lexicon of a language other than English
    variants.json        ranking of CMUdict's variants, written by `rank-variants`

Artifacts contain no pickle. This module does not import torch, because the service's HTTP process
reads artifacts too.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from tanger.model import artifact_checks as checks
from tanger.model.artifact_checks import ArtifactError as ArtifactError  # noqa: PLC0414
from tanger.model.bloom_filter import BloomFilter
from tanger.model.calibration import Calibration
from tanger.model.language_tags import AMERICAN, UNKNOWN, Language
from tanger.model.output_files import replace_file, replace_folder
from tanger.model.phonology import notation
from tanger.model.phonology.vocabulary import Vocabulary

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
TRAINED_WORDS = "trained-words.bloom"
METRICS = "metrics.json"
PINNED = "pinned.json"
HISTORY = ("metrics.jsonl", "learning_curve.png")
NOTICE = "NOTICE"
LEXICON = "lexicon.tsv.xz"
VARIANTS = "variants.json"
# Files that another calibration leaves as they are
COMPANIONS = (*HISTORY, NOTICE, LEXICON, VARIANTS)
FORMAT_VERSION = 2


@dataclass(frozen=True)
class Artifact:
    """A checked artifact, held in memory: later changes to its folder do not affect it.

    Attributes:
        path: the folder that it was read from.
        name: its name, from the manifest.
        weights_sha256: hexadecimal digest of the weights file.
        network: fields of the network's `NetworkConfig`.
        training: training metadata: recipe, seed, data, versions, device, time.
        calibration: calibration of a word's most probable answer; None before it was fitted.
        nbest_calibration: calibration of a word's other answers; None before it was fitted.
        trained_words: words of the training lexicon; None if unknown.
        trained_calibration: calibration of the most probable answer to one of `trained_words`.
        graphemes: input vocabulary.
        phonemes: output vocabulary.
        language: its language; American English if the manifest has none and they are ARPAbet.
        files: contents of the manifest and of the files that it lists, by file name.
    """

    path: Path
    name: str
    weights_sha256: str
    network: Mapping[str, Any]
    training: Mapping[str, Any]
    calibration: Calibration | None
    nbest_calibration: Calibration | None
    trained_words: BloomFilter | None
    trained_calibration: Calibration | None
    graphemes: Vocabulary
    phonemes: Vocabulary
    language: Language
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the weights' sha256; identifies the model of an answer."""
        return self.weights_sha256[:12]

    @property
    def knows_stress(self) -> bool:
        """Whether the network predicts stress (has a stress head)."""
        return bool(self.network.get("stress"))

    @property
    def has_attention(self) -> bool:
        """Whether the network has attention, from which letters and phonemes are aligned."""
        return bool(self.network.get("attention"))

    @property
    def summary(self) -> dict[str, str]:
        """Name and version, for the metadata of files that are made with this artifact."""
        return {"name": self.name, "version": self.version}

    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the weights by parameter name, as float32.

        Raises:
            ArtifactError: if the weights file is not valid.
        """
        config = checks.parse_network(self.path / CONFIG, self.network)
        return checks.parse_weights(self.path / WEIGHTS, self.files[WEIGHTS], config)

    def metrics(self) -> dict[str, Any]:
        """Return the evaluation records by lexicon name; empty before the first evaluation.

        Raises:
            ArtifactError: if the file is damaged or belongs to other weights.
        """
        if (found := self._measured(METRICS)) is None:
            return {}
        evaluations = found.get("evaluations")
        if not isinstance(evaluations, dict):
            raise ArtifactError(self.path / METRICS, "is incomplete: run `evaluate` again")
        return evaluations

    def word_sets(self) -> dict[str, Any]:
        """Return the evaluation records of the English word sets, by set; empty if there are none.

        Raises:
            ArtifactError: see `metrics`.
        """
        found: dict[str, Any] = (self._measured(METRICS) or {}).get("word_sets", {})
        return found

    def pinned(self) -> dict[str, tuple[str, ...]]:
        """Return the pinned words with their expected phonemes; empty before the first evaluation.

        Raises:
            ArtifactError: if the file is damaged or belongs to other weights.
        """
        if (found := self._measured(PINNED)) is None:
            return {}
        words = found.get("words")
        return checks.parse_pinned(self.path / PINNED, words, self.graphemes, self.phonemes)

    def _measured(self, name: str) -> dict[str, Any] | None:
        """Return the content of a file that the evaluation wrote; None if there is none."""
        path = self.path / name
        if not path.exists():
            return None
        found = checks.parse_json(path, checks.read_file(path))
        if found.get("weights_sha256") != self.weights_sha256:
            raise ArtifactError(path, "was measured on other weights: run `evaluate` again")
        return found

    def notice(self) -> str | None:
        """Return the attribution of the training data, if there is one.

        Raises:
            ArtifactError: if the file cannot be read or is not text.
        """
        path = self.path / NOTICE
        if not path.exists():
            return None
        try:
            return checks.read_file(path).decode()
        except UnicodeDecodeError as e:
            raise ArtifactError(path, "is not UTF-8") from e


def read(path: Path) -> Artifact:
    """Read the artifact at `path` and check every file.

    Raises:
        ArtifactError: names the file that is missing, truncated, swapped, edited or of a newer
            format version.
    """
    if not path.is_dir():
        raise ArtifactError(path, "is no artifact: there is no such folder")
    if not (path / MANIFEST).exists():
        raise ArtifactError(path / MANIFEST, "is missing, so this folder is no artifact")
    return _checked(
        path,
        lambda name: checks.read_file(
            path / name, limit=checks.MAX_WEIGHTS if name == WEIGHTS else checks.MAX_FILE
        ),
    )


def pack(artifact: Artifact) -> str:
    """Serialize a whole artifact to one line, for another process to load without its folder."""
    files = {name: b64encode(content).decode() for name, content in artifact.files.items()}
    return json.dumps({"path": str(artifact.path), "files": files})


def unpack(line: str) -> Artifact:
    """Return the artifact that `pack` serialized.

    Raises:
        ArtifactError: if the contents do not match their checksums.
    """
    packed = json.loads(line)  # written by the parent process, so it needs no checks
    return _checked(Path(packed["path"]), lambda name: b64decode(packed["files"][name]))


def _checked(path: Path, content: Callable[[str], bytes]) -> Artifact:
    """Check the files of an artifact and build it; `content` returns a file's bytes by name."""
    manifest_path, config_path, symbols_path = path / MANIFEST, path / CONFIG, path / VOCABULARY
    files = {MANIFEST: content(MANIFEST)}
    manifest = checks.parse_json(manifest_path, files[MANIFEST])
    version = manifest.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        problem = f"has format version {ascii(version)[:80]}, this tanger reads {FORMAT_VERSION}"
        remedy = f": `tanger convert {path} NEW` writes it in that" if version == 1 else ""
        raise ArtifactError(manifest_path, problem + remedy)
    listed = checks.parse_object(manifest_path, manifest.get("files"), "files")
    optional = [TRAINED_WORDS] if TRAINED_WORDS in listed else []
    sums = checks.parse_checksums(manifest_path, manifest, (WEIGHTS, CONFIG, VOCABULARY, *optional))
    for name, sha256 in sums.items():
        files[name] = content(name)
        checks.check_sha256(path / name, files[name], sha256)
    config = checks.parse_json(config_path, files[CONFIG])
    network = checks.parse_network(config_path, config.get("network"))
    vocabulary = checks.parse_json(symbols_path, files[VOCABULARY])
    graphemes, phonemes = (
        checks.parse_vocabulary(symbols_path, vocabulary.get(role), role)
        for role in ("graphemes", "phonemes")
    )
    sizes = (network.input_symbols, network.output_symbols)
    if sizes != (len(graphemes), len(phonemes)):
        problem = f"is of {sizes[0]} graphemes and {sizes[1]} phonemes, {VOCABULARY} of "
        raise ArtifactError(config_path, f"{problem}{len(graphemes)} and {len(phonemes)}")
    checks.parse_weights(path / WEIGHTS, files[WEIGHTS], network)
    calibration, nbest_calibration, trained_calibration = (
        checks.parse_calibration(config_path, config.get(name), name)
        for name in ("calibration", "nbest_calibration", "trained_calibration")
    )
    return Artifact(
        path=path,
        name=checks.parse_text(manifest_path, manifest.get("name"), "name"),
        weights_sha256=sums[WEIGHTS],
        network=config["network"],
        training=checks.parse_object(config_path, config.get("training"), "training"),
        calibration=calibration,
        nbest_calibration=nbest_calibration,
        trained_words=checks.parse_bloom_filter(path / TRAINED_WORDS, files.get(TRAINED_WORDS)),
        trained_calibration=trained_calibration,
        graphemes=graphemes,
        phonemes=phonemes,
        language=checks.parse_language(
            manifest_path,
            manifest,
            default=AMERICAN if notation.is_arpabet(phonemes.own) else UNKNOWN,
        ),
        files=files,
    )


def write(
    path: Path,
    *,
    name: str,
    network: Mapping[str, Any],
    training: Mapping[str, Any],
    calibration: Calibration | None,
    graphemes: Vocabulary,
    phonemes: Vocabulary,
    weights: Mapping[str, np.ndarray[Any, Any]],
    extras: Mapping[str, bytes],
    nbest_calibration: Calibration | None = None,
    trained_words: BloomFilter | None = None,
    trained_calibration: Calibration | None = None,
    language: Language | None = None,
) -> Artifact:
    """Write an artifact to `path`, replacing an existing artifact.

    The artifact is written to a temporary folder first and then swapped in, so that `path` is at
    any time either the complete old artifact or the complete new one. (If the system cannot swap
    two folders in one step, `path` does not exist for a moment.)

    Args:
        path: the folder.
        name: name of the artifact.
        network: fields of the `NetworkConfig`.
        training: training metadata.
        calibration: calibration of a word's most probable answer.
        graphemes: input vocabulary.
        phonemes: output vocabulary.
        weights: by parameter name; stored as float16.
        extras: contents of further files, by name.
        nbest_calibration: calibration of a word's other answers.
        trained_words: words of the training lexicon.
        trained_calibration: calibration of the most probable answer to one of these.
        language: its language and licence; None leaves them out.

    Raises:
        ArtifactError: if float16 cannot represent a weight, the weights do not fit the network, or
            `path` exists and is not an artifact.
        OSError: if the artifact cannot be written; `path` is unchanged.
    """
    path = output_path(path)
    files = {
        WEIGHTS: encode_weights(path, weights),
        CONFIG: _dump(
            {
                "network": network,
                "calibration": calibration and asdict(calibration),
                "nbest_calibration": nbest_calibration and asdict(nbest_calibration),
                "trained_calibration": trained_calibration and asdict(trained_calibration),
                "training": training,
            }
        ),
        VOCABULARY: _dump({"graphemes": asdict(graphemes), "phonemes": asdict(phonemes)}),
    }
    if trained_words is not None:
        files[TRAINED_WORDS] = trained_words.content
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": name,
        **({} if language is None else {"language": language.to_dict()}),
        "files": {
            file: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for file, content in files.items()
        },
    }
    files[MANIFEST] = _dump(manifest)
    written = _checked(path, files.__getitem__)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_folder(path, {**files, **extras})
    return written


def recalibrate(
    artifact: Artifact,
    calibration: Calibration,
    nbest_calibration: Calibration | None,
    *,
    fitted_to: Mapping[str, Any],
    trained_words: BloomFilter | None = None,
    trained_calibration: Calibration | None = None,
) -> Artifact:
    """Replace an artifact's calibrations; its metrics, card and pinned words depend on them and go.

    Args:
        artifact: the artifact.
        calibration: calibration of a word's most probable answer.
        nbest_calibration: calibration of a word's other answers.
        fitted_to: the lexicon that the calibrations were fitted to, for ``training.calibrated_on``.
        trained_words: words of the training lexicon; by default those that the artifact has.
        trained_calibration: calibration of the most probable answer to one of these; likewise.

    Raises:
        OSError: if the artifact cannot be written; it is unchanged.
    """
    return write(
        artifact.path,
        name=artifact.name,
        network=artifact.network,
        training={**artifact.training, "calibrated_on": dict(fitted_to)},
        calibration=calibration,
        nbest_calibration=nbest_calibration,
        trained_words=trained_words or artifact.trained_words,
        trained_calibration=trained_calibration or artifact.trained_calibration,
        graphemes=artifact.graphemes,
        phonemes=artifact.phonemes,
        weights=artifact.weights(),
        extras=companions(artifact.path),
        language=artifact.language,
    )


def companions(path: Path) -> dict[str, bytes]:
    """Return the contents of the `COMPANIONS` that the artifact at `path` has, by name.

    Raises:
        ArtifactError: if one of them cannot be read.
    """
    present = [path / name for name in COMPANIONS if (path / name).exists()]
    return {file.name: checks.read_file(file) for file in present}


def output_path(path: Path) -> Path:
    """Return the folder that an artifact called `path` is written to, following symbolic links.

    Raises:
        ArtifactError: if `path` exists and is not an artifact, because it would be overwritten.
    """
    target = path.resolve()
    if target.exists() and not (target / MANIFEST).exists():
        if not target.is_dir():
            raise ArtifactError(path, "is a file: name a folder for the artifact")
        if any(target.iterdir()):
            raise ArtifactError(path, "holds something else than an artifact: name another folder")
    return target


def encode_weights(path: Path, weights: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """Return the content of a weights file: safetensors, float16.

    Raises:
        ArtifactError: if float16 cannot represent a weight; the message names `path`.
    """
    return safetensors.numpy.save({key: _half(path, key, array) for key, array in weights.items()})


def _half(path: Path, name: str, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    with np.errstate(over="ignore"):
        half = np.ascontiguousarray(array, np.float16)
    if not np.isfinite(half).all():
        raise ArtifactError(path, f"cannot be written: weights in {name} are beyond float16")
    return half


def write_metrics(
    artifact: Artifact, evaluations: Mapping[str, Any], word_sets: Mapping[str, Any] | None = None
) -> None:
    """Write evaluation records to the artifact, with the sha256 of the weights they belong to."""
    content = {"weights_sha256": artifact.weights_sha256, "evaluations": evaluations}
    if word_sets:
        content["word_sets"] = word_sets
    replace_file(artifact.path / METRICS, _dump(content))


def write_pinned(artifact: Artifact, pinned: Mapping[str, Sequence[str]]) -> None:
    """Write pinned words and their answers to the artifact, with the sha256 of the weights."""
    words = {word: " ".join(phonemes) for word, phonemes in pinned.items()}
    content = {"weights_sha256": artifact.weights_sha256, "words": words}
    replace_file(artifact.path / PINNED, _dump(content))


def _dump(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
