"""A list of any length, or a shard of it, answered into a file in constant memory, and resumed.

Answers go to a file beside the target, and behind each chunk of them a journal says how far the
list was read and the answers written. A run that was killed takes up there; what stands behind the
journal's mark is written again.
"""

from __future__ import annotations

import codecs
import filecmp
import gc
import json
import os
import shutil
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from tanger.model import OutputExistsError, TangerError
from tanger.model.cli.answer_writer import Answers
from tanger.model.output_files import lock_file, replace_file

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


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a list, by bytes: whole lines, in their order, each in one shard."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``INDEX/COUNT``, the first of which is 0.

        Raises:
            ShardError: where it is anything else.
        """
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
            raise ShardError(text)
        return cls(int(index), int(count))

    def bounds(self, file: BinaryIO) -> tuple[int, int]:
        """Where its first line begins in the file, and where the one after its last would."""
        size = os.fstat(file.fileno()).st_size
        begin, end = (size * place // self.count for place in (self.index, self.index + 1))
        return _line_start(file, begin), _line_start(file, end)


WHOLE = Shard(0, 1)


class ShardError(TangerError, ValueError):
    """What names no part of a list.

    Attributes:
        text: what was given.
    """

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is no shard: write INDEX/COUNT with an INDEX from 0 to COUNT - 1, as in 0/4 "
            "for the first of four"
        )
        self.text = text


@dataclass
class _Journal:
    """How far a run came: bytes of the list and of the answers, failures, blank lines."""

    read: int = 0
    written: int = 0
    failed: bool = False
    blank: int = 0


def answer(
    words: Path,
    target: Path,
    *,
    identity: Mapping[str, Any],
    ask: Callable[[list[str]], Answers],
    tell: Callable[[str], None],
    threads: int,
    overwrite: bool = False,
    shard: Shard = WHOLE,
) -> bool:
    """Write the answers to the words of a file, and say whether any of them failed.

    Args:
        words: one a line; blank lines have no answer, and are counted.
        target: appears when all is done.
        identity: what the answers hang on, so that no other run is taken up.
        ask: answers a chunk of words; called from several threads.
        tell: gets warnings and errors, once what they are about is written.
        threads: that answer, each a chunk of its own: none of them waits for another.
        overwrite: replace a file of other answers at `target`.
        shard: the part of the list to answer. The outputs of all shards, one after the other, are
            the output of the whole list.

    Raises:
        TargetError: where `target` is the list itself, or no place for a file.
        BulkError: where another run stopped on the way to `target`.
        LockedError: while another run is on the way to it.
        OutputExistsError: where `target` holds anything but these answers, without `overwrite`.
        OSError: where a file cannot be read or written.
    """
    target = _place(target, words)
    journal_path = target.with_name(f".{target.name}.journal")
    part = target.with_name(f".{target.name}.part")
    state = words.stat()
    listed = [state.st_size, state.st_mtime_ns]
    identity = {**identity, "words": listed, "shard": [shard.index, shard.count]}
    console = Console(stderr=True)
    columns = ("{task.description}", BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with ExitStack() as stack:
        source = stack.enter_context(words.open("rb"))
        out, existed = stack.enter_context(_locked(part, target))
        if not existed:  # a run was killed right after it gave its answers their name
            journal_path.unlink(missing_ok=True)
        begin, end = shard.bounds(source)
        journal = _take_up(journal_path, part, identity) or _Journal(read=begin)
        earlier = None if overwrite else _earlier(stack, target, journal.written)
        shown = stack.enter_context(
            Progress(*columns, console=console, disable=not console.is_terminal)
        )
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        stack.enter_context(_quick_turns())
        task = shown.add_task(words.name, total=end - begin, completed=journal.read - begin)
        source.seek(journal.read)
        out.truncate(journal.written)
        out.seek(journal.written)
        size = min(CHUNK, max(_LEAST, (end - begin) // (_BYTES * threads)))
        for chunk, found in _in_order(pool, _chunks(source, size, end), ask, threads + 1):
            content = found.lines.encode("utf-8", "backslashreplace")
            if earlier is not None and earlier.read(len(content)) != content:
                raise _other_answers(target)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
            failed, blank = journal.failed or found.failed, journal.blank + chunk.blank
            journal = _Journal(chunk.end, out.tell(), failed, blank)
            record = {"identity": identity, **asdict(journal)}
            replace_file(journal_path, json.dumps(record).encode())
            for each in found.warnings:
                tell(each)
            shown.update(task, completed=chunk.end - begin)
        if earlier is not None and not filecmp.cmp(part, target, shallow=False):
            raise _other_answers(target)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
        journal_path.unlink(missing_ok=True)
    if journal.blank:
        tell(blank_lines(journal.blank, str(words)))
    return journal.failed


def blank_lines(count: int, source: str) -> str:
    """The message that so many lines of a list hold no word."""
    lines = "1 blank line" if count == 1 else f"{count:,} blank lines"
    return f"{source}: {lines} passed over, without an answer in the output"


def _earlier(stack: ExitStack, target: Path, at: int) -> BinaryIO | None:
    """What stands at `target`, opened at a position; None where there is nothing to lose."""
    if not target.exists() or not target.stat().st_size:
        return None
    file = stack.enter_context(target.open("rb"))
    file.seek(at)
    return file


def _other_answers(target: Path) -> OutputExistsError:
    return OutputExistsError(
        target,
        "holds something else than these answers: name another --output, or replace it with "
        "--overwrite",
    )


@contextmanager
def _locked(part: Path, target: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """The file of the answers so far, which no other process writes, and whether it was there.

    It is removed again where nothing was written into it.
    """
    while True:
        existed = part.exists()
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            lock_file(file.fileno(), target)
            # Whoever held the lock may have been done meanwhile, and given the file its final name
            if not (part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat())):
                continue
            try:
                yield file, existed
            except BaseException:
                if not os.fstat(file.fileno()).st_size:
                    part.unlink(missing_ok=True)
                raise
            return


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


def _take_up(path: Path, part: Path, identity: Mapping[str, Any]) -> _Journal | None:
    """How far an earlier run came; None where there was none."""
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if record.pop("identity") != identity:
        raise BulkError(path, part)
    return _Journal(**record)


class _Chunk(NamedTuple):
    """Words of so many lines at a time, where the file stands after them, and its blank lines."""

    words: list[str]
    end: int
    blank: int


def _chunks(source: BinaryIO, size: int, end: int) -> Iterator[_Chunk]:
    """The words from where the file stands up to the position `end`, `size` lines at a time."""
    at = source.tell()
    while at < end and (lines := list(_lines(source, size, end - at))):
        first, at = at == 0, at + sum(map(len, lines))
        if first:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        spelt = (line.decode("utf-8", "surrogateescape").strip() for line in lines)
        words = [word for word in spelt if word]
        yield _Chunk(words, at, len(lines) - len(words))


def _lines(source: BinaryIO, count: int, left: int) -> Iterator[bytes]:
    """At most `count` lines, those that begin within the next `left` bytes."""
    for line in islice(source, count):
        yield line
        left -= len(line)
        if left <= 0:
            return


def _line_start(file: BinaryIO, position: int) -> int:
    """Where the first line begins that begins at `position` or after it."""
    if position == 0:
        return 0
    file.seek(position - 1)
    file.readline()
    return file.tell()


def _in_order(
    pool: ThreadPoolExecutor,
    chunks: Iterator[_Chunk],
    ask: Callable[[list[str]], Answers],
    limit: int,
) -> Iterator[tuple[_Chunk, Answers]]:
    """The answers to the chunks, of which at most so many are asked for at the same time."""
    waiting: deque[tuple[_Chunk, Future[Answers]]] = deque()
    for chunk in chunks:
        waiting.append((chunk, pool.submit(ask, chunk.words)))
        if len(waiting) == limit:
            done, future = waiting.popleft()
            yield done, future.result()
    for done, future in waiting:
        yield done, future.result()
