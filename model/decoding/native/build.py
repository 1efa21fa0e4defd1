"""Compile `decode.c` for each kind of processor, and load the fastest that this one can run.

    python -m tanger.model.decoding.native.build

Only compilation requires a C compiler. The libraries are written beside the source and need only
libc and libm. They are selected when they are loaded, so that an image can be built on one machine
and run on another.
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
    "-ffp-contract=off",  # fusing is explicit in the source, so that all kinds round alike
    "-Wno-psabi",  # vectors wider than the processor's are not passed between files
)


class Kind(NamedTuple):
    """A kind of processor, by its instruction set.

    Attributes:
        name: suffix of the library's file name.
        machines: values of `platform.machine`; empty for any.
        flags: required flags or features in /proc/cpuinfo.
        options: compiler options.
    """

    name: str
    machines: Collection[str]
    flags: Collection[str]
    options: Collection[str]

    @property
    def path(self) -> Path:
        """Path of the compiled library."""
        return _HERE / f"decode-{self.name}.so"

    @property
    def is_of_this_architecture(self) -> bool:
        """Whether processors of this machine's architecture can be of this kind."""
        return not self.machines or platform.machine() in self.machines


# From the fastest to the slowest.
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
    """Load the fastest compiled library that this processor can run; return it with its kind.

    A library compiled from another source is ignored with a warning. None if there is no library.
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
    """A compiled library that this version cannot use.

    Attributes:
        path: its file.
    """

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}: run `python -m tanger.model.decoding.native.build`")
        self.path = path


def load(path: Path) -> ctypes.CDLL:
    """Load a library that was compiled by `compile_for`.

    Raises:
        LibraryError: if it was compiled from another source, or is not a library.
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
    """Hash of the source; `decoding.native.bindings` depends on the layout of its structures."""
    content = _SOURCE.read_bytes() + _SOURCE.with_suffix(".h").read_bytes()
    return hashlib.sha256(content).hexdigest()[:16]


def build() -> list[Path]:
    """Compile for each kind of this machine's architecture, and return the paths.

    Raises:
        FileNotFoundError: if there is no C compiler.
        subprocess.CalledProcessError: if the compiler fails.
    """
    found = compiler()
    if found is None:
        raise FileNotFoundError("no C compiler (cc, gcc, clang) is here")
    kinds = [kind for kind in KINDS if kind.is_of_this_architecture]
    for kind in kinds:
        new = kind.path.with_suffix(".new")
        compile_for(kind, found, new)
        new.replace(kind.path)  # atomic: processes that have loaded the old file keep it
    return [kind.path for kind in kinds]


def compiler() -> str | None:
    """Return the C compiler; None if there is none."""
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def compile_for(kind: Kind, compiler: str, path: Path) -> None:
    """Compile for one kind of processor into `path`.

    Raises:
        subprocess.CalledProcessError: if the compiler fails.
    """
    source = f'-DTANGER_SOURCE="{_source_hash()}"'
    command = [compiler, *_OPTIONS, source, *kind.options, str(_SOURCE), "-o", str(path), "-lm"]
    subprocess.run(command, check=True)


def _flags() -> set[str]:
    """Return the processor's flags; empty if the system does not list them."""
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
