"""Measure what the dictionaries cost the service: memory, start-up time, and lookups."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import footprint
from tanger.model import lexicon
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
from tanger.model.text.lookup import WordLookup
from tanger.model.text.speller import Speller
from tanger.service.user_lexicon.store import UserLexicon
from tanger.service.user_lexicon.transfer import Staged

ARTIFACT = Path(__file__).parent.parent / "artifacts" / "en-us"
_RUNS = 5
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'"
_PHONEMES = (
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W "
    "Y Z ZH"
).split()
# Program of a child process; prints wall and CPU seconds, and retained memory in MB (10^6, PSS).
_CHILD = """
import time
from pathlib import Path
from tanger.model.phonology.phoneme_set import Inventory
from tanger.model.text.dictionaries import Dictionaries
def pss():
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024e-6
inventory = Inventory({phonemes!r})
before, wall, cpu = pss(), time.perf_counter(), time.process_time()
kept = Dictionaries.read(inventory)
print(time.perf_counter() - wall, time.process_time() - cpu, pss() - before)
"""


def main() -> None:
    """Print the figures."""
    runs = [_alone() for _ in range(_RUNS)]
    wall, cpu, megabytes = (statistics.median(column) for column in zip(*runs, strict=True))
    print(f"CMUdict, read and kept: {wall:.3f} s ({cpu:.3f} s of CPU), {megabytes:.1f} MB (PSS)")
    services = {
        setting: [footprint.of_service(ARTIFACT, 1, builtin_lexicon=setting) for _ in range(_RUNS)]
        for setting in ("off", "on")
    }
    for setting, found in services.items():
        print(
            f"the service with it {setting}: ready after "
            f"{statistics.median(each.seconds for each in found):.2f} s, "
            f"{statistics.median(each.megabytes for each in found):.1f} MB (PSS, with a worker)"
        )
    _lookups()


def _alone() -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(phonemes=_PHONEMES)],
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(figure) for figure in done.stdout.split()]


def _lookups() -> None:
    inventory, speller = Inventory(_PHONEMES), Speller(_LETTERS)
    dictionaries = Dictionaries.read(inventory)
    words = [word.upper() for word in dictionaries._layers[0]._lines]
    with tempfile.TemporaryDirectory() as folder:
        for entries in (None, 0, 100_000):
            user = None
            if entries is not None:
                user = UserLexicon(Path(folder) / f"{entries}.db")
                _fill(user, entries)
            lookup = WordLookup(speller, inventory, dictionaries, user)
            reported = "no user lexicon" if user is None else f"a user lexicon of {entries:,} words"
            for size in (1, 256):
                batches = [words[start : start + size] for start in range(0, 20_000, size)]
                started = time.process_time()
                for batch in batches:
                    lookup.find(batch, speller.spell)
                seconds = (time.process_time() - started) / (size * len(batches))
                print(
                    f"a lookup, {size} words a request, {reported}: {1e6 * seconds:.1f} us of CPU"
                )
            if user is not None:
                user.close()


def _fill(user: UserLexicon, entries: int) -> None:
    import asyncio

    staged = Staged(user)
    for number in range(entries):
        staged.add(lexicon.Row(number, lexicon.Entry(f"word{number}", ("W", "ER", "D"))))
    asyncio.run(user.take(staged.rows, replace=True))
    staged.close()


if __name__ == "__main__":
    main()
