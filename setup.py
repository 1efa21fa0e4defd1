"""What pyproject.toml cannot say: a C compiler, where there is one, compiles the decode."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

NATIVE = Path("tanger/model/decoding/native")


class BuildWithDecode(build_py):
    """Copies the package, and compiles the decode beside its source."""

    def run(self) -> None:
        """Copy, then compile; without a C compiler the wheel is made without the decode."""
        if not self.editable_mode:
            # What an earlier build left there would go into the wheel.
            shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        folder = NATIVE if self.editable_mode else Path(self.build_lib) / NATIVE
        spec = importlib.util.spec_from_file_location("build_decode", folder / "build.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        try:
            for path in module.build():
                print("compiled", path)
        except (FileNotFoundError, subprocess.CalledProcessError) as e:
            print(f"warning: the decode is not compiled: {e}", file=sys.stderr)


class TaggedWheel(bdist_wheel):
    """A wheel for any Python 3, and for this platform alone where it holds a compiled decode."""

    def get_tag(self) -> tuple[str, str, str]:
        """The tag of the wheel's name."""
        if not list(Path(self.bdist_dir).rglob("*.so")):
            return super().get_tag()
        self.root_is_pure = False
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"build_py": BuildWithDecode, "bdist_wheel": TaggedWheel})
