"""A list of any length answered into a file, in constant memory, whatever interrupts it.

Answers go to a file beside the target, and behind each chunk of them a journal says how far the
list was read and the answers written. A run that was killed takes up there; what stands behind the
journal's mark is written again.
"""

from __future__ import annotations

import codecs
import gc
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from model.checkpoint import replace_file
from model.errors import TangerError

# Lines that are read, decoded and written together: so many of a long list, fewer where one thread
# would else have all of a short one.
CHUNK = 4096
_LEAST = 256
_BYTES = 10  # a line, or so
# Seconds after which a thread that runs Python lets another one. By default, 0.005, they would wait
# nearly as long for one another as the compiled decode, which needs no turn, takes for a batch.
_TURN = 0.0005
# New objects after which those that refer to one another in circles are searched for. A chunk makes
# tens of thousands, and nearly all of them are in use until it is answered.
_GARBAGE = 100_000


class BulkError(TangerError, ValueError):
    """A run that cannot go on where another one stopped.

    Attributes:
        journal: the other one's.
    """

    def __init__(self, journal: Path, part: Path) -> None:
        super().__init__(
            f"{journal} is of an unfinished run on another list, artifact or option: repeat that "
            f"one, or delete {journal} and {part} to give it up"
        )
        self.journal = journal


class TargetError(TangerError, ValueError):
    """A path that no answers can be put at.

    Attributes:
        target: the path.
    """

    def __init__(self, target: Path, problem: str) -> None:
        super().__init__(f"{target} {problem}")
        self.target = target


class Answers(NamedTuple):
    """What became of a chunk of words.

    Attributes:
        lines: to write, each with its line feed.
        told: warnings and errors.
        failed: whether one of the words has no pronunciation.
    """

    lines: str
    told: list[str]
    failed: bool


@dataclass
class _Journal:
    """How far a run came: bytes of the list, bytes of the answers, whether a word failed."""

    read: int = 0
    written: int = 0
    failed: bool = False


class BlankLines:
    """Counts lines without a word, which get no answer, for whoever counts lines."""

    def __init__(self) -> None:
        """Begin a file."""
        self._lines = 0
        self._blank = 0
        self._first = 0

    def without(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines, without white space around them, that are not blank."""
        for line in lines:
            self._lines += 1
            if line:
                yield line
            else:
                self._blank += 1
                self._first = self._first or self._lines

    def report(self) -> list[str]:
        """What there is to tell: nothing, where none was blank."""
        if not self._blank:
            return []
        lines = "line was" if self._blank == 1 else "lines were"
        return [f"{self._blank:,} empty {lines} passed over, the first at line {self._first:,}"]


def answer(
    words: Path,
    target: Path,
    *,
    identity: Mapping[str, Any],
    ask: Callable[[list[str]], Answers],
    tell: Callable[[str], None],
    threads: int,
) -> bool:
    """Write the answers to the words of a file, and say whether any of them failed.

    Args:
        words: one a line; blank lines are passed over.
        target: appears when all is done.
        identity: what the answers hang on, so that no other run is taken up.
        ask: answers a chunk of words; called from several threads.
        tell: gets warnings and errors, once what they are about is written.
        threads: that answer, each a chunk of its own: none of them waits for another.

    Raises:
        TargetError: where `target` is the list itself, or no place for a file.
        BulkError: where another run stopped on the way to `target`.
        OSError: where a file cannot be read or written.
    """
    target = _place(target, words)
    journal_path = target.with_name(f".{target.name}.journal")
    part = target.with_name(f".{target.name}.part")
    state = words.stat()
    identity = {**identity, "words": [state.st_size, state.st_mtime_ns]}
    journal = _take_up(journal_path, part, identity)
    started = journal.read
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        words.open("rb") as source,
        part.open("r+b" if part.exists() else "wb") as out,
        Progress(*columns, console=console, disable=not console.is_terminal) as shown,
        ThreadPoolExecutor(threads) as pool,
        _quick_turns(),
    ):
        task = shown.add_task(words.name, total=state.st_size, completed=journal.read)
        source.seek(journal.read)
        out.truncate(journal.written)
        out.seek(journal.written)
        size = min(CHUNK, max(_LEAST, state.st_size // (_BYTES * threads)))
        blank = BlankLines()
        for read, found in _in_order(pool, _chunks(source, size, blank), ask, threads + 1):
            out.write(found.lines.encode("utf-8", "backslashreplace"))
            out.flush()
            os.fsync(out.fileno())
            journal = _Journal(read, out.tell(), journal.failed or found.failed)
            record = {"identity": identity, **asdict(journal)}
            replace_file(journal_path, json.dumps(record).encode())
            for each in found.told:
                tell(each)
            shown.update(task, completed=read)
    if journal.read == state.st_size and started == 0:  # a resumed run has not seen all lines
        for each in blank.report():
            tell(each)
    if target.exists():
        shutil.copymode(target, part)
    part.replace(target)
    journal_path.unlink(missing_ok=True)
    return journal.failed


def _place(target: Path, words: Path) -> Path:
    """Where the answers go, behind any links: in the end the whole file takes that place."""
    if not target.parent.is_dir():
        raise TargetError(target, "is in no folder that there is: make it first")
    if target.is_dir():
        raise TargetError(target, "is a folder: say a file in it")
    if target.exists() and not target.is_file():
        raise TargetError(target, "is no ordinary file: leave --output away, and send stdout there")
    if target.exists() and target.samefile(words):
        raise TargetError(target, "is the list itself: say another file")
    return target.resolve()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Spare the threads some waiting: for their turns, and for searches in vain."""
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_TURN)
    gc.set_threshold(_GARBAGE, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(turn)


def _take_up(path: Path, part: Path, identity: Mapping[str, Any]) -> _Journal:
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return _Journal()
    if not part.exists():  # killed behind the last step but one: that run was done
        return _Journal()
    if record.pop("identity") != identity:
        raise BulkError(path, part)
    return _Journal(**record)


def _chunks(source: BinaryIO, size: int, blank: BlankLines) -> Iterator[tuple[int, list[str]]]:
    """Words of so many lines at a time, and where the file stands behind them."""
    while lines := list(islice(source, size)):
        at = source.tell()
        if at == sum(map(len, lines)):  # the first of all
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        spelt = (line.decode("utf-8", "surrogateescape").strip() for line in lines)
        yield at, list(blank.without(spelt))


def _in_order(
    pool: ThreadPoolExecutor,
    chunks: Iterator[tuple[int, list[str]]],
    ask: Callable[[list[str]], Answers],
    most: int,
) -> Iterator[tuple[int, Answers]]:
    """The answers to the chunks, of which at most so many are asked for at the same time."""
    waiting: deque[tuple[int, Future[Answers]]] = deque()
    for at, words in chunks:
        waiting.append((at, pool.submit(ask, words)))
        if len(waiting) == most:
            read, future = waiting.popleft()
            yield read, future.result()
    for read, future in waiting:
        yield read, future.result()
