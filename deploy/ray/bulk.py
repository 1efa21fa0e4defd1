"""Pronounce a word list on a Ray cluster: ``python bulk.py INPUT OUTPUT``; see docs/scaling.md.

Every node needs tanger and ``pip install 'ray[data]'``. The input is text with one word per line,
or a Parquet column. The output is a folder of Parquet files with a row for each distinct word and
its count. Every actor has a core, loads the artifact once, and writes the answers to each block to
a file. If an actor dies, it is replaced, and its unfinished blocks are repeated.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import ray
from pyarrow.fs import FileSystem, FileType

import tanger

ARTIFACT = Path(tanger.__file__).parent / "artifacts" / "en-us"
ANSWERS = pa.schema(
    [
        ("word", pa.string()),
        ("count", pa.int64()),
        ("pronunciations", pa.list_(pa.string())),  # most likely first
        ("probabilities", pa.list_(pa.float64())),  # null if no network was used
        ("source", pa.string()),  # lexicon or model; null if there is no pronunciation
        ("error", pa.string()),  # error code if there is no pronunciation
    ]
)


class Pronounce:
    """An actor that loads the artifact when it starts, pronounces blocks and writes the answers."""

    def __init__(self, artifact: str, output: str, options: dict[str, Any]) -> None:
        gc.set_threshold(100_000)  # a batch makes tens of thousands of objects, in use to its end
        self.phonemizer = tanger.Phonemizer.load(artifact, "cpu", threads=1)
        self.files, self.folder = FileSystem.from_uri(output)
        self.options = options
        self.alphabet = self.phonemizer.pipeline.options(**options).alphabet

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Pronounce a table of distinct ``word`` with ``count``; return its number of rows."""
        words = batch["word"].to_pylist()
        results = self.phonemizer.pronounce(words, **self.options)
        rows = {
            "word": words,
            "count": batch["count"].to_pylist(),
            "pronunciations": [
                [one.text(self.alphabet) for one in result.pronunciations] for result in results
            ],
            "probabilities": [
                [one.probability for one in result.pronunciations] for result in results
            ],
            "source": [result.source for result in results],
            "error": [result.error and result.error.code for result in results],
        }
        # Named by its words, so that the file of a repeated block is replaced
        name = hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]
        unfinished = f"{self.folder}/.{name}"  # readers of Parquet ignore it
        pq.write_table(pa.table(rows, schema=ANSWERS), unfinished, filesystem=self.files)
        self.files.move(unfinished, f"{self.folder}/{name}.parquet")
        return pa.table({"rows": [len(words)]})


def read(source: str, column: str, partitions: int) -> ray.data.Dataset:
    """Return the distinct words of the input and their frequencies, as ``word`` and ``count``."""
    if source.endswith(".parquet") or any(Path(source).glob("*.parquet")):
        listed = ray.data.read_parquet(source, columns=[column])
    else:
        column, listed = "text", ray.data.read_text(source)

    def tidy(batch: pa.Table) -> pa.Table:
        words = pc.utf8_trim_whitespace(batch[column].cast(pa.string()))
        words = words.filter(pc.fill_null(pc.greater(pc.utf8_length(words), 0), fill_value=False))
        counted = pc.value_counts(words.combine_chunks())  # to reduce the data to shuffle
        return pa.table({"word": counted.field("values"), "count": counted.field("counts")})

    counted = listed.map_batches(tidy, batch_format="pyarrow", batch_size=None)
    grouped = counted.groupby("word", num_partitions=partitions)
    return grouped.sum("count").rename_columns({"sum(count)": "count"})


def main() -> int:
    """Run the job; print the duration of each stage to stderr."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("input", help="a text file, a Parquet file, or a folder or URL of such")
    parser.add_argument("output", help="a folder that is not there yet, or a URL")
    parser.add_argument("--column", default="word", help="of words, in Parquet")
    parser.add_argument("--artifact", default=str(ARTIFACT), help="its folder, on every node")
    parser.add_argument("--source", default="model", choices=["model", "lexicon", "auto"])
    parser.add_argument("--alphabet", help="the artifact's own by default")
    parser.add_argument("--n", type=int, default=1, help="most pronunciations a word")
    parser.add_argument("--actors", type=int, help="all cores of the cluster by default")
    parser.add_argument("--partitions", type=int, help="of the words to count, as many by default")
    parser.add_argument("--batch", type=int, default=4096, help="words that are decoded together")
    parser.add_argument("--address", help="of a cluster; by default one on this machine")
    given = parser.parse_args()
    output = given.output if "://" in given.output else str(Path(given.output).absolute())
    files, folder = FileSystem.from_uri(output)
    if files.get_file_info(folder).type != FileType.NotFound:
        parser.error(f"{given.output} is there already: name another folder")
    if "://" not in given.input and not Path(given.input).exists():
        parser.error(f"{given.input} is not there")
    started = time.perf_counter()
    ray.init(
        address=given.address,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="warning",
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    ready = time.perf_counter()
    actors = given.actors or int(ray.cluster_resources()["CPU"])
    words = read(given.input, given.column, given.partitions or actors)
    # Small blocks limit the loss if an actor dies; materialized before actors occupy the cores
    words = words.repartition(target_num_rows_per_block=given.batch).materialize()
    distinct = words.count()
    counted = time.perf_counter()
    files.create_dir(folder)
    options = {"source": given.source, "alphabet": given.alphabet, "n": given.n}
    written = words.map_batches(
        Pronounce,
        fn_constructor_args=(given.artifact, output, options),
        batch_format="pyarrow",
        batch_size=given.batch,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=min(actors, max(1, distinct // given.batch))),
    )
    rows = sum(row["rows"] for row in written.iter_rows())
    done = time.perf_counter()
    print(
        f"{rows:,} different words: {ready - started:.1f} s to start Ray, "
        f"{counted - ready:.1f} s to read and count, {done - counted:.1f} s to pronounce and write",
        file=sys.stderr,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
