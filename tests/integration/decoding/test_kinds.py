"""Every kind of processor comes to the same: networks of random weights, without Python between.

Another architecture's kind is compiled and run where its compiler and an emulator are here (Debian:
gcc-aarch64-linux-gnu, qemu-user-static). `make sanitize` tries more networks under sanitizers.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tanger.model.decoding.native import build

SOURCE = Path(__file__).with_name("random_network.c")
OPTIONS = (
    *("-std=gnu11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-Wno-psabi"),
    *('-DTANGER_SOURCE=""', f"-I{Path(build.__file__).parent}"),
)
SANITIZERS = (
    *("-O1", "-g", "-fsanitize=address,undefined", "-fsanitize=float-cast-overflow"),
    "-fno-sanitize-recover=all",
)
SEEDS = range(6)
SANITIZED_SEEDS = range(int(os.environ.get("TANGER_NETWORKS", "3")))
EXACT = 1e-5
BY_NAME = {kind.name: kind for kind in build.KINDS}

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C compiler")


def answers(program: list[str], seed: int) -> list[tuple[str, float]]:
    """What a network answers, each number with what it is."""
    done = subprocess.run([*program, str(seed)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"seed {seed}"
    pairs = (line.split() for line in done.stdout.splitlines())
    return [(name, float(number)) for name, number in pairs]


def compiled(folder: Path, kind: build.Kind, *options: str) -> list[str]:
    """The command that runs it."""
    here = kind.is_of_this_architecture
    compiler = build.compiler() if here else shutil.which(f"{kind.machines[0]}-linux-gnu-gcc")
    emulator = [] if here else [shutil.which(f"qemu-{kind.machines[0]}-static")]
    if compiler is None or None in emulator:
        pytest.skip(f"no compiler or emulator of {', '.join(kind.machines)}")
    if here and build.library([kind]) is None:
        pytest.skip("this processor is of another kind, or nothing is compiled")
    program = folder / kind.name
    command = [compiler, *OPTIONS, *options, *kind.options, SOURCE, "-o", program, "-lm"]
    subprocess.run(command, check=True)
    return [*emulator, str(program)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """By plain C, which every processor runs."""
    program = compiled(tmp_path_factory.mktemp("plain"), BY_NAME["plain"], "-O3")
    return {seed: answers(program, seed) for seed in SEEDS}


@pytest.mark.parametrize("name", sorted(BY_NAME.keys() - {"plain"}))
def test_all_kinds_come_to_the_same(tmp_path, expected, name):
    program = compiled(tmp_path, BY_NAME[name], "-O3", "-static")
    for seed, right in expected.items():
        found = answers(program, seed)
        assert [what for what, _ in found] == [what for what, _ in right]
        assert [number for _, number in found] == pytest.approx(
            [number for _, number in right], abs=EXACT
        )


@pytest.mark.skipif(platform.system() != "Linux", reason="sanitizers are tried on Linux alone")
@pytest.mark.parametrize(
    "name", [kind.name for kind in build.KINDS if kind.is_of_this_architecture]
)
def test_nothing_is_undefined_or_out_of_bounds(tmp_path, monkeypatch, name):
    has_sanitizers = subprocess.run(
        [build.compiler(), *SANITIZERS, "-x", "c", "-", "-o", tmp_path / "none"],
        input="int main(void) { return 0; }", text=True, capture_output=True, check=False,
    )  # fmt: skip
    if has_sanitizers.returncode:
        pytest.skip("this compiler has no sanitizers")
    monkeypatch.setenv("ASAN_OPTIONS", "detect_leaks=0")
    program = compiled(tmp_path, BY_NAME[name], *SANITIZERS)
    for seed in SANITIZED_SEEDS:
        assert answers(program, seed)
