"""Compile `decode.c`, once for each kind of processor, and load what this one runs.

    python -m tanger.model.decoding.native.build

Only this wants a C compiler. What it makes lies beside the source, needs libc and libm alone, and
is chosen when it is loaded: an image may be built on one machine and run on another.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import platform
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger("tanger.native")

_HERE = Path(__file__).parent
_SOURCE = _HERE / "decode.c"
_OPTIONS = (
    *("-std=gnu11", "-O3", "-fPIC", "-shared", "-fno-math-errno", "-fno-trapping-math"),
    "-ffp-contract=off",  # what is fused is written so: every kind rounds alike
    "-Wno-psabi",  # vectors wider than the processor's stay within the file
)


class Kind(NamedTuple):
    """A kind of processor.

    Attributes:
        name: of the file.
        machines: what `platform.machine` calls it; any where there is none.
        flags: what /proc/cpuinfo has to say of it, as its flags or features.
        options: of the compiler.
    """

    name: str
    machines: Collection[str]
    flags: Collection[str]
    options: Collection[str]

    @property
    def path(self) -> Path:
        """Where its library is, once it was made."""
        return _HERE / f"decode-{self.name}.so"

    @property
    def is_of_this_architecture(self) -> bool:
        """Whether some processors of this machine's architecture are of this kind."""
        return not self.machines or platform.machine() in self.machines


# The fastest first.
KINDS = (
    Kind(
        "avx512vnni",
        ["x86_64"],
        ["avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512_vnni", "avx2", "fma", "bmi2"],
        ["-march=x86-64-v4", "-mavx512vnni", "-mprefer-vector-width=512"],
    ),
    Kind("avx2", ["x86_64"], ["avx2", "fma", "bmi2"], ["-march=x86-64-v3"]),
    Kind("neon", ["aarch64"], ["asimddp"], ["-march=armv8.2-a+dotprod"]),
    Kind("plain", [], [], []),
)


def library(kinds: Collection[Kind] = KINDS) -> tuple[str, ctypes.CDLL] | None:
    """The fastest of what was made that runs here, with its kind; None where there is none.

    What was compiled of another source than stands here counts as none, with a warning.
    """
    flags = _flags()
    for kind in kinds:
        if kind.is_of_this_architecture and set(kind.flags) <= flags and kind.path.exists():
            try:
                return kind.name, load(kind.path)
            except LibraryError as e:
                log.warning("%s", e)
    return None


class LibraryError(OSError):
    """A compiled decode that is of no use to this version.

    Attributes:
        path: its file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}: run `python -m tanger.model.decoding.native.build`")
        self.path = path


def load(path: Path) -> ctypes.CDLL:
    """What `compile_for` made.

    Raises:
        LibraryError: where it was made of another source, or is no library.
    """
    try:
        found = ctypes.CDLL(str(path))
        source = found.tanger_source
    except OSError as e:
        raise LibraryError(path, f"cannot be loaded ({e})") from e
    except AttributeError as e:
        raise LibraryError(path, "was compiled of an older decode.c") from e
    source.restype = ctypes.c_char_p
    if source() != _source_hash().encode():
        raise LibraryError(path, "was compiled of another decode.c than stands beside it")
    return found


def _source_hash() -> str:
    """Names the source; its structures are laid out in `decoding.native.bindings` a second time."""
    content = _SOURCE.read_bytes() + _SOURCE.with_suffix(".h").read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def build() -> list[Path]:
    """Compile for each kind that this machine's architecture has.

    Raises:
        FileNotFoundError: where there is no C compiler.
        subprocess.CalledProcessError: where it fails.
    """
    found = compiler()
    if found is None:
        raise FileNotFoundError("no C compiler (cc, gcc, clang) is here")
    kinds = [kind for kind in KINDS if kind.is_of_this_architecture]
    for kind in kinds:
        new = kind.path.with_suffix(".new")
        compile_for(kind, found, new)
        new.replace(kind.path)  # a process that has the old one loaded keeps it
    return [kind.path for kind in kinds]


def compiler() -> str | None:
    """The C compiler, if there is one."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_for(kind: Kind, compiler: str, path: Path) -> None:
    """Compile for one kind of processor into `path`.

    Raises:
        subprocess.CalledProcessError: where it fails.
    """
    source = f'-DTANGER_SOURCE="{_source_hash()}"'
    command = [compiler, *_OPTIONS, source, *kind.options, str(_SOURCE), "-o", str(path), "-lm"]
    subprocess.run(command, check=True)


def _flags() -> set[str]:
    """What the processor can do; nothing where the system does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return set()
    listed = (line for line in lines if line.startswith(("flags", "Features")))
    return {flag for line in listed for flag in line.split()}


if __name__ == "__main__":
    try:
        for path in build():
            print(path)
    except (FileNotFoundError, subprocess.CalledProcessError) as e:
        print(f"{e}: torch will decode, several times slower", file=sys.stderr)
