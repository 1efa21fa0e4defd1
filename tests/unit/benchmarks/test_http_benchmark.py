"""The parts of `benchmarks.http` that can be right or wrong."""

import asyncio
import math
from itertools import islice

import httpx
import pytest

from benchmarks import http_h2load, http_noop, http_words
from benchmarks.http_h2load import Offered
from benchmarks.http_load import parse
from benchmarks.http_on_paper import expected
from benchmarks.http_words import new_words
from benchmarks.measure import percentile
from tanger.service.schemas import PronounceResponse

REPORTED = """Running 1s test @ http://127.0.0.1:8000
  1 threads and 32 connections
Requests/sec:    500.00
{"seconds": 2.000000, "requests": 1000, "refused": 40, "lost": 3, "late": 0, "rewound": 0, \
"p50_ms": 1.500, "p99_ms": 9.000}
"""


def test_refused_requests_are_no_answers():
    summary = parse(REPORTED)
    assert summary.answered == 960
    assert summary.errors == "40 refused, 3 lost"
    assert (summary.p50_ms, summary.p99_ms) == (1.5, 9.0)


def test_no_errors_no_words():
    assert parse(REPORTED.replace("40", "0").replace("3,", "0,")).errors == ""


@pytest.mark.parametrize(
    ("share", "found"), [(0, 1), (0.5, 50), (0.99, 99), (0.999, 100), (1, 100)]
)
def test_percentiles_are_values_that_were_measured(share, found):
    assert percentile(list(range(100, 0, -1)), share) == found


def test_of_nothing_there_is_no_percentile():
    assert math.isnan(percentile([], 0.5))


def test_new_words_never_come_twice():
    words = list(islice(new_words([3, 5, 7, 8, 14], seed=1), 50_000))
    assert len(set(words)) == len(words)
    assert [len(word) for word in words[:5]] == [5, 5, 7, 8, 14]


def test_another_seed_gives_other_words():
    first, second = (set(islice(new_words([8], seed=seed), 1000)) for seed in (1, 10**9))
    assert not first & second


def test_late_and_missing_answers_are_not_within():
    offered = Offered("x", rate=3, seconds=2, latencies=[0.01, 0.05, 0.06], failed=1)
    assert offered.within(0.05) == pytest.approx(2 / 6)


def test_what_ends_first_on_paper():
    cached, new = expected(100e-6, 0, 8), expected(10e-6, 190e-6, 8)
    assert (cached.processes, cached.first, round(cached.rate)) == (3, "HTTP processes", 30_000)
    assert (cached.best, round(cached.best_rate)) == (8, 80_000)
    assert (new.first, round(new.rate), new.best) == ("cores", 40_000, 1)


def test_h2loads_log():
    (first, lost) = http_h2load.parse(["1500000\t200\t2500\tmore\n", "1600000\t-1\t10\n", "16"])
    assert first == pytest.approx((1.5, 0.0025, 200))
    assert lost.status == -1


def test_the_no_op_answers_in_our_schema():
    async def ask():
        transport = httpx.ASGITransport(http_noop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/pronounce", json={"words": ["one", "two"]})

    answer = asyncio.run(ask())
    assert answer.status_code == 200
    results = PronounceResponse.model_validate(answer.json()).results
    assert [result.word for result in results] == ["one", "two"]


def test_new_words_grow_when_there_are_no_more_of_their_length(monkeypatch):
    monkeypatch.setattr(http_words, "_ANY", "ab")
    count = 20 * 6 * 20 * 2 * 2 + 100  # what five letters can spell, and more
    words = list(islice(new_words([2], seed=1), count))
    assert len(set(words)) == count
    assert len(words[-1]) == 6
