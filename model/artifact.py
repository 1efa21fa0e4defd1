"""An artifact: the folder that the trainer ships and the service loads.

    manifest.json        name, and size and sha256 of each file below
    weights.safetensors  the network's weights, float16
    config.json          what sizes the network, and how it was trained
    vocabulary.json      graphemes and phonemes
    metrics.json         error rates, written by the evaluation
    pinned.json          a few words with their answers, likewise
    README.md            model card, written by the evaluation
    metrics.jsonl, learning_curve.png   what the training measured epoch by epoch
    NOTICE               whose data it was trained on, where their licences ask for it

No pickle anywhere, and no torch: the service's HTTP process reads artifacts too.
"""

from __future__ import annotations

import ctypes
import hashlib
import json
import shutil
import tempfile
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
from tanger.model.calibration import Calibration
from tanger.model.output_files import replace_file, write_durably
from tanger.model.phonology.vocabulary import Vocabulary

MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
CONFIG = "config.json"
VOCABULARY = "vocabulary.json"
METRICS = "metrics.json"
PINNED = "pinned.json"
HISTORY = ("metrics.jsonl", "learning_curve.png")
NOTICE = "NOTICE"
FORMAT_VERSION = 2

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@dataclass(frozen=True)
class Artifact:
    """A checked artifact. What becomes of its folder is nothing to it.

    Attributes:
        path: the folder that it was read from.
        name: what its maker called it.
        weights_sha256: hexadecimal digest of the weights file.
        network: fields of the network's `NetworkConfig`.
        training: how it was made: recipe, seed, data, versions, device, time.
        calibration: what makes probabilities of its answers, where it was fitted.
        nbest_calibration: the same of answers that are not their word's likeliest.
        graphemes: what the network reads.
        phonemes: what it writes.
        files: contents of the manifest and of all that it vouches for, by name.
    """

    path: Path
    name: str
    weights_sha256: str
    network: Mapping[str, Any]
    training: Mapping[str, Any]
    calibration: Calibration | None
    nbest_calibration: Calibration | None
    graphemes: Vocabulary
    phonemes: Vocabulary
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def version(self) -> str:
        """First 12 hexadecimal digits of the weights' sha256: names the answers' origin."""
        return self.weights_sha256[:12]

    @property
    def knows_stress(self) -> bool:
        """Whether its network says which vowel is stressed."""
        return bool(self.network.get("stress"))

    @property
    def has_attention(self) -> bool:
        """Whether its network can say which letters made which phoneme."""
        return bool(self.network.get("attention"))

    @property
    def summary(self) -> dict[str, str]:
        """Name and version, for what is made with it."""
        return {"name": self.name, "version": self.version}

    def weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """The weights by parameter name, float32.

        Raises:
            ArtifactError: where their file is something else.
        """
        config = checks.parse_network(self.path / CONFIG, self.network)
        return checks.parse_weights(self.path / WEIGHTS, self.files[WEIGHTS], config)

    def metrics(self) -> dict[str, Any]:
        """What the evaluation measured, by lexicon name; empty before the first evaluation.

        Raises:
            ArtifactError: where they are damaged, or the figures of other weights.
        """
        path = self.path / METRICS
        if not path.exists():
            return {}
        metrics = checks.parse_json(path, checks.read_file(path))
        if metrics.get("weights_sha256") != self.weights_sha256:
            raise ArtifactError(path, "was measured on other weights: run `evaluate` again")
        evaluations = metrics.get("evaluations")
        if not isinstance(evaluations, dict):
            raise ArtifactError(path, "is incomplete: run `evaluate` again")
        return evaluations

    def word_sets(self) -> dict[str, Any]:
        """What was measured on sets of English words, by set; empty where nothing was.

        Raises:
            ArtifactError: as `metrics`.
        """
        path = self.path / METRICS
        self.metrics()  # checks the file
        return (
            checks.parse_json(path, checks.read_file(path)).get("word_sets", {})
            if path.exists()
            else {}
        )

    def pinned(self) -> dict[str, tuple[str, ...]]:
        """A few words with the answers that they should get; empty before the first evaluation.

        Raises:
            ArtifactError: where they are damaged, or the answers of other weights.
        """
        path = self.path / PINNED
        if not path.exists():
            return {}
        pinned = checks.parse_json(path, checks.read_file(path))
        if pinned.get("weights_sha256") != self.weights_sha256:
            raise ArtifactError(path, "is of other weights: run `evaluate` again")
        return checks.parse_pinned(path, pinned.get("words"), self.graphemes, self.phonemes)


def read(path: Path) -> Artifact:
    """Read the artifact at `path`, and check every file.

    Raises:
        ArtifactError: names the file that is missing, truncated, swapped, edited or from a
            newer format.
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
    """The whole of an artifact as one line, for another process, that needs no folder then."""
    files = {name: b64encode(content).decode() for name, content in artifact.files.items()}
    return json.dumps({"path": str(artifact.path), "files": files})


def unpack(line: str) -> Artifact:
    """The artifact that a line of `pack` holds.

    Raises:
        ArtifactError: where it is no longer what was packed.
    """
    packed = json.loads(line)  # the parent's own
    return _checked(Path(packed["path"]), lambda name: b64decode(packed["files"][name]))


def _checked(path: Path, content: Callable[[str], bytes]) -> Artifact:
    """The artifact whose files, by name, are what `content` says."""
    manifest_path, config_path, symbols_path = path / MANIFEST, path / CONFIG, path / VOCABULARY
    files = {MANIFEST: content(MANIFEST)}
    manifest = checks.parse_json(manifest_path, files[MANIFEST])
    version = manifest.get("format_version")
    if version != FORMAT_VERSION or isinstance(version, bool):
        problem = f"has format version {ascii(version)[:80]}, this tanger reads {FORMAT_VERSION}"
        remedy = f": `tanger convert {path} NEW` writes it in that" if version == 1 else ""
        raise ArtifactError(manifest_path, problem + remedy)
    sums = checks.parse_checksums(manifest_path, manifest, (WEIGHTS, CONFIG, VOCABULARY))
    for name, sha256 in sums.items():
        files[name] = content(name)
        checks.check_sha256(path / name, files[name], sha256)
    config = checks.parse_json(config_path, files[CONFIG])
    network = checks.parse_network(config_path, config.get("network"))
    vocabulary = checks.parse_json(symbols_path, files[VOCABULARY])
    graphemes, phonemes = (
        checks.parse_vocabulary(symbols_path, vocabulary.get(side), side)
        for side in ("graphemes", "phonemes")
    )
    sizes = (network.input_symbols, network.output_symbols)
    if sizes != (len(graphemes), len(phonemes)):
        problem = f"is of {sizes[0]} graphemes and {sizes[1]} phonemes, {VOCABULARY} of "
        raise ArtifactError(config_path, f"{problem}{len(graphemes)} and {len(phonemes)}")
    checks.parse_weights(path / WEIGHTS, files[WEIGHTS], network)
    calibration, nbest_calibration = (
        checks.parse_calibration(config_path, config.get(name), name)
        for name in ("calibration", "nbest_calibration")
    )
    return Artifact(
        path=path,
        name=checks.parse_text(manifest_path, manifest.get("name"), "name"),
        weights_sha256=sums[WEIGHTS],
        network=config["network"],
        training=checks.parse_object(config_path, config.get("training"), "training"),
        calibration=calibration,
        nbest_calibration=nbest_calibration,
        graphemes=graphemes,
        phonemes=phonemes,
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
) -> Artifact:
    """Write an artifact at `path`, in the place of the one that may stand there.

    All of it is written under another name first, so that `path` is at every moment either the
    old artifact or the new one, whole. (Where the system cannot swap two folders in one step, it
    is nothing for a moment between them.)

    Args:
        path: the folder.
        name: what to call it.
        network: fields of the `NetworkConfig`.
        training: how it was made.
        calibration: what makes probabilities of its answers.
        graphemes: what the network reads.
        phonemes: what it writes.
        weights: by parameter name; stored as float16.
        extras: further files, by name.
        nbest_calibration: what makes probabilities of answers that are not their word's likeliest.

    Raises:
        ArtifactError: for a weight that float16 cannot hold, weights that do not fit the network,
            or where something else than an artifact stands at `path`.
        OSError: where it cannot be written; what stood at `path` still stands.
    """
    path = writable(path)
    files = {
        WEIGHTS: encode_weights(path, weights),
        CONFIG: _dump(
            {
                "network": network,
                "calibration": calibration and asdict(calibration),
                "nbest_calibration": nbest_calibration and asdict(nbest_calibration),
                "training": training,
            }
        ),
        VOCABULARY: _dump({"graphemes": asdict(graphemes), "phonemes": asdict(phonemes)}),
    }
    manifest = {
        "format_version": FORMAT_VERSION,
        "name": name,
        "files": {
            file: {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
            for file, content in files.items()
        },
    }
    files[MANIFEST] = _dump(manifest)
    written = _checked(path, files.__getitem__)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        temporary.chmod(0o755)
        for file, content in {**files, **extras}.items():
            write_durably(temporary / file, content)
        _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return written


def recalibrate(
    artifact: Artifact,
    calibration: Calibration,
    nbest_calibration: Calibration | None,
    *,
    fitted_to: Mapping[str, Any],
) -> Artifact:
    """Give an artifact other calibrations; its figures go, for its probabilities are others.

    Args:
        artifact: the artifact.
        calibration: what makes probabilities of its answers.
        nbest_calibration: the same of answers that are not their word's likeliest.
        fitted_to: the lexicon that they were fitted to, for ``training.calibrated_on``.

    Raises:
        OSError: where it cannot be written; it still stands as it was.
    """
    kept = [artifact.path / name for name in (*HISTORY, NOTICE)]
    return write(
        artifact.path,
        name=artifact.name,
        network=artifact.network,
        training={**artifact.training, "calibrated_on": dict(fitted_to)},
        calibration=calibration,
        nbest_calibration=nbest_calibration,
        graphemes=artifact.graphemes,
        phonemes=artifact.phonemes,
        weights=artifact.weights(),
        extras={path.name: path.read_bytes() for path in kept if path.exists()},
    )


def writable(path: Path) -> Path:
    """Where an artifact called `path` goes, symbolic links followed.

    Raises:
        ArtifactError: where something else stands there: it would be lost.
    """
    target = path.resolve()
    if target.exists() and not (target / MANIFEST).exists():
        if not target.is_dir():
            raise ArtifactError(path, "is a file: name a folder for the artifact")
        if any(target.iterdir()):
            raise ArtifactError(path, "holds something else than an artifact: name another folder")
    return target


def encode_weights(path: Path, weights: Mapping[str, np.ndarray[Any, Any]]) -> bytes:
    """The weights file of the artifact at `path`: safetensors, float16.

    Raises:
        ArtifactError: for a weight that float16 cannot hold.
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
    """Keep an evaluation's figures, bound to the weights that they were measured on."""
    content = {"weights_sha256": artifact.weights_sha256, "evaluations": evaluations}
    if word_sets:
        content["word_sets"] = word_sets
    replace_file(artifact.path / METRICS, _dump(content))


def write_pinned(artifact: Artifact, pinned: Mapping[str, Sequence[str]]) -> None:
    """Keep words with the answers that they got, bound to the weights that gave them."""
    words = {word: " ".join(phonemes) for word, phonemes in pinned.items()}
    content = {"weights_sha256": artifact.weights_sha256, "words": words}
    replace_file(artifact.path / PINNED, _dump(content))


def _put_in_place(temporary: Path, path: Path) -> None:
    """Give the folder `temporary` the name `path`; what stood there takes the other name."""
    if not path.exists():
        temporary.rename(path)
        return
    # Python has no name for the system call that swaps two folders in one step (renameat2(2)).
    libc = ctypes.CDLL(None, use_errno=True)
    arguments = (_AT_FDCWD, bytes(temporary), _AT_FDCWD, bytes(path), _RENAME_EXCHANGE)
    if hasattr(libc, "renameat2") and libc.renameat2(*arguments) == 0:
        return
    # No such call on this system or file system: two steps, the old one whole under its side name.
    old = path.with_name(f".{path.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    path.rename(old)
    try:
        temporary.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old)


def _dump(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
