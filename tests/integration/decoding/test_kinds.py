"""Every kind of processor comes to the same: networks of random weights, without Python between.

Another architecture's kind is compiled and run where its compiler and an emulator are here (Debian:
gcc-aarch64-linux-gnu, qemu-user-static).
"""

import platform
import shutil
import subprocess
from pathlib import Path

import pytest

from tanger.model.decoding.native import build

SOURCE = Path(__file__).with_name("random_network.c")
OPTIONS = (
    *("-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-Wno-psabi", "-static"),
    *('-DTANGER_SOURCE=""', f"-I{Path(build.__file__).parent}"),
)
SEEDS = range(6)
EXACT = 1e-5
# Plain C has no fused products and sums: a state may be rounded to the next step, of 1/127.
PLAIN = 0.1
BY_NAME = {kind.name: kind for kind in build.KINDS}

pytestmark = pytest.mark.skipif(build.compiler() is None, reason="no C compiler")


def answers(program: list[str], seed: int) -> list[tuple[str, float]]:
    """What a network answers, each number with what it is."""
    done = subprocess.run([*program, str(seed)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    pairs = (line.split() for line in done.stdout.splitlines())
    return [(name, float(number)) for name, number in pairs]


def compiled(folder: Path, kind: build.Kind) -> list[str]:
    """The command that runs it."""
    here = kind.is_of_this_architecture
    compiler = build.compiler() if here else shutil.which(f"{kind.machines[0]}-linux-gnu-gcc")
    emulator = [] if here else [shutil.which(f"qemu-{kind.machines[0]}-static")]
    if compiler is None or None in emulator:
        pytest.skip(f"no compiler or emulator of {', '.join(kind.machines)}")
    if here and build.library([kind]) is None:
        pytest.skip("this processor is of another kind, or nothing is compiled")
    program = folder / kind.name
    command = [compiler, *OPTIONS, *kind.options, SOURCE, "-o", program, "-lm"]
    subprocess.run(command, check=True)
    return [*emulator, str(program)]


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """By AVX2."""
    program = compiled(tmp_path_factory.mktemp("avx2"), BY_NAME["avx2"])
    return {seed: answers(program, seed) for seed in SEEDS}


@pytest.mark.parametrize("name", ["avx512vnni", "neon"])
def test_every_kind_comes_to_the_same(tmp_path, expected, name):
    program = compiled(tmp_path, BY_NAME[name])
    for seed, right in expected.items():
        found = answers(program, seed)
        assert [what for what, _ in found] == [what for what, _ in right]
        assert [number for _, number in found] == pytest.approx(
            [number for _, number in right], abs=EXACT
        )


def test_plain_c_comes_to_nearly_the_same(tmp_path, expected):
    program = compiled(tmp_path, BY_NAME["plain"])
    for seed, right in expected.items():
        found, wanted = (
            [number for what, number in each if what in ("attention", "logit")]
            for each in (answers(program, seed), right)
        )
        assert found == pytest.approx(wanted, abs=PLAIN)


@pytest.mark.skipif(platform.system() != "Linux", reason="sanitizers are tried on Linux alone")
def test_nothing_is_undefined_or_out_of_bounds(tmp_path):
    program = tmp_path / "sanitized"
    options = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    kept = [option for option in OPTIONS if option not in ("-static", "-O3")]
    done = subprocess.run(
        [build.compiler(), *kept, *options, SOURCE, "-o", program, "-lm"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("this compiler has no sanitizers")
    for seed in SEEDS:
        command = ["env", "ASAN_OPTIONS=detect_leaks=0", str(program)]
        assert answers(command, seed)
