"""Answer a word list, or a shard of it, into a file: in constant memory, and resumable.

Answers are written to a temporary file beside the target. After each chunk, a journal records the
positions in the list and in the answers. A run that was killed resumes there; answers after the
recorded position are written again.
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

# Number of lines that are read, decoded and written together; fewer for short lists, so that all
# threads get some.
CHUNK = 4096
_MIN_CHUNK = 256
_LINE_BYTES = 10  # rough length of a line
# Switch interval of Python threads in seconds. With the default, 0.005, threads would wait for the
# interpreter lock nearly as long as the compiled decode, which releases it, takes for a batch.
_SWITCH_INTERVAL = 0.0005
# Threshold of the garbage collector in new objects. A chunk creates tens of thousands, and nearly
# all of them are in use until it is answered.
_GC_THRESHOLD = 100_000


class BulkError(TangerError, ValueError):
    """A run cannot resume an unfinished run because that one had other inputs or options.

    Attributes:
        journal: journal of the unfinished run.
    """

    def __init__(self, journal: Path, part: Path) -> None:
        super().__init__(
            f"{journal} belongs to an unfinished run with another list, artifact or option: repeat "
            f"that run, or delete {journal} and {part} to discard it"
        )
        self.journal = journal


class TargetError(TangerError, ValueError):
    """Answers cannot be written to the given path.

    Attributes:
        target: the path.
    """

    def __init__(self, target: Path, problem: str) -> None:
        super().__init__(f"{target} {problem}")
        self.target = target


@dataclass(frozen=True)
class Shard:
    """One of `count` parts of a list, of similar size in bytes; each line is in one shard."""

    index: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Parse ``INDEX/COUNT``; the first index is 0.

        Raises:
            ShardError: if the text is anything else.
        """
        index, _, count = text.partition("/")
        if not (index.isdecimal() and count.isdecimal() and int(index) < int(count)):
            raise ShardError(text)
        return cls(int(index), int(count))

    def bounds(self, file: BinaryIO) -> tuple[int, int]:
        """Return the start and end positions of the shard in the file, at line boundaries."""
        size = os.fstat(file.fileno()).st_size
        begin, end = (size * place // self.count for place in (self.index, self.index + 1))
        return _line_start(file, begin), _line_start(file, end)


WHOLE = Shard(0, 1)


class ShardError(TangerError, ValueError):
    """A text does not denote a shard.

    Attributes:
        text: the text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a shard: write INDEX/COUNT with an INDEX from 0 to COUNT - 1, such "
            "as 0/4 for the first of four"
        )
        self.text = text


@dataclass
class _Journal:
    """Progress of a run: bytes read and written, whether any word failed, number of blank lines."""

    read: int = 0
    written: int = 0
    failed: bool = False
    blank: int = 0


def answer(
    words: Path,
    target: Path,
    *,
    identity: Mapping[str, Any],
    answer_chunk: Callable[[list[str]], Answers],
    report: Callable[[str], None],
    threads: int,
    overwrite: bool = False,
    shard: Shard = WHOLE,
) -> bool:
    """Write the answers to the words of a file; return whether any word failed.

    Args:
        words: file with one word per line; blank lines are counted, but have no answer.
        target: file for the answers; it appears when the run is complete.
        identity: everything that the answers depend on; only a run with the same is resumed.
        answer_chunk: function that answers a chunk of words; called from several threads.
        report: called with warnings and errors, after the answers that they are about are written.
        threads: number of threads, each of which answers a chunk at a time.
        overwrite: replace a file of other answers at `target`.
        shard: part of the list to answer. The concatenated outputs of all shards are the output of
            the whole list.

    Raises:
        TargetError: if `target` is the list itself, or cannot be a file.
        BulkError: if another run for `target` is unfinished.
        LockedError: if another run for `target` is in progress.
        OutputExistsError: if `target` holds anything but these answers, without `overwrite`.
        OSError: if a file cannot be read or written.
    """
    target = _check_target(target, words)
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
        if not existed:  # a run was killed right after renaming its answers
            journal_path.unlink(missing_ok=True)
        begin, end = shard.bounds(source)
        journal = _load_journal(journal_path, part, identity) or _Journal(read=begin)
        earlier = None if overwrite else _earlier(stack, target, journal.written)
        shown = stack.enter_context(
            Progress(*columns, console=console, disable=not console.is_terminal)
        )
        pool = stack.enter_context(ThreadPoolExecutor(threads))
        stack.enter_context(_long_chunk_settings())
        task = shown.add_task(words.name, total=end - begin, completed=journal.read - begin)
        source.seek(journal.read)
        out.truncate(journal.written)
        out.seek(journal.written)
        size = min(CHUNK, max(_MIN_CHUNK, (end - begin) // (_LINE_BYTES * threads)))
        for chunk, found in _in_order(pool, _chunks(source, size, end), answer_chunk, threads + 1):
            content = found.lines.encode("utf-8", "backslashreplace")
            if earlier is not None and earlier.read(len(content)) != content:
                raise _different_answers(target)
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
            failed, blank = journal.failed or found.failed, journal.blank + chunk.blank
            journal = _Journal(chunk.end, out.tell(), failed, blank)
            record = {"identity": identity, **asdict(journal)}
            replace_file(journal_path, json.dumps(record).encode())
            for each in found.warnings:
                report(each)
            shown.update(task, completed=chunk.end - begin)
        if earlier is not None and not filecmp.cmp(part, target, shallow=False):
            raise _different_answers(target)
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
        journal_path.unlink(missing_ok=True)
    if journal.blank:
        report(blank_lines(journal.blank, str(words)))
    return journal.failed


def blank_lines(count: int, source: str) -> str:
    """Return the message about blank lines in a list."""
    lines = "1 blank line" if count == 1 else f"{count:,} blank lines"
    return f"{source}: {lines} skipped, without an answer in the output"


def _earlier(stack: ExitStack, target: Path, at: int) -> BinaryIO | None:
    """Open an existing file at `target` at a position; None if it is missing or empty."""
    if not target.exists() or not target.stat().st_size:
        return None
    file = stack.enter_context(target.open("rb"))
    file.seek(at)
    return file


def _different_answers(target: Path) -> OutputExistsError:
    return OutputExistsError(
        target,
        "has other content than these answers: name another --output, or overwrite it with "
        "--overwrite",
    )


@contextmanager
def _locked(part: Path, target: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """Open and lock the file of answers so far; yield it and whether it existed.

    On an error, the file is removed if it is empty.
    """
    while True:
        existed = part.exists()
        with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
            lock_file(file.fileno(), target)
            # The previous holder of the lock may have finished and renamed the file meanwhile
            if not (part.exists() and os.path.samestat(os.fstat(file.fileno()), part.stat())):
                continue
            try:
                yield file, existed
            except BaseException:
                if not os.fstat(file.fileno()).st_size:
                    part.unlink(missing_ok=True)
                raise
            return


def _check_target(target: Path, words: Path) -> Path:
    """Check the target; return its path with links resolved, because the file will be replaced."""
    if not target.parent.is_dir():
        raise TargetError(target, "is in a folder that does not exist: create it first")
    if target.is_dir():
        raise TargetError(target, "is a folder: name a file in it")
    if target.exists() and not target.is_file():
        raise TargetError(
            target, "is not a regular file: omit --output, and redirect standard output there"
        )
    if target.exists() and target.samefile(words):
        raise TargetError(target, "is the list itself: name another file")
    return target.resolve()


@contextmanager
def _long_chunk_settings() -> Iterator[None]:
    """Reduce the time that threads spend on switching and garbage collection."""
    turn, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(_SWITCH_INTERVAL)
    gc.set_threshold(_GC_THRESHOLD, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        sys.setswitchinterval(turn)


def _load_journal(path: Path, part: Path, identity: Mapping[str, Any]) -> _Journal | None:
    """Read the progress of an unfinished run; None if there is none."""
    try:
        record = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    if record.pop("identity") != identity:
        raise BulkError(path, part)
    return _Journal(**record)


class _Chunk(NamedTuple):
    """Words of a chunk of lines, the end position in the file, and the number of blank lines."""

    words: list[str]
    end: int
    blank: int


def _chunks(source: BinaryIO, size: int, end: int) -> Iterator[_Chunk]:
    """Yield words from the current position up to `end`, in chunks of `size` lines."""
    at = source.tell()
    while at < end and (lines := list(_lines(source, size, end - at))):
        first, at = at == 0, at + sum(map(len, lines))
        if first:
            lines[0] = lines[0].removeprefix(codecs.BOM_UTF8)
        spelt = (line.decode("utf-8", "surrogateescape").strip() for line in lines)
        words = [word for word in spelt if word]
        yield _Chunk(words, at, len(lines) - len(words))


def _lines(source: BinaryIO, count: int, left: int) -> Iterator[bytes]:
    """Yield up to `count` lines that begin within the next `left` bytes."""
    for line in islice(source, count):
        yield line
        left -= len(line)
        if left <= 0:
            return


def _line_start(file: BinaryIO, position: int) -> int:
    """Return the start of the first line that begins at or after `position`."""
    if position == 0:
        return 0
    file.seek(position - 1)
    file.readline()
    return file.tell()


def _in_order(
    pool: ThreadPoolExecutor,
    chunks: Iterator[_Chunk],
    answer_chunk: Callable[[list[str]], Answers],
    limit: int,
) -> Iterator[tuple[_Chunk, Answers]]:
    """Yield the answers to chunks in order, processing at most `limit` chunks at a time."""
    waiting: deque[tuple[_Chunk, Future[Answers]]] = deque()
    for chunk in chunks:
        waiting.append((chunk, pool.submit(answer_chunk, chunk.words)))
        if len(waiting) == limit:
            done, future = waiting.popleft()
            yield done, future.result()
    for done, future in waiting:
        yield done, future.result()
