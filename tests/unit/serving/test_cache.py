import random

from hypothesis import given
from hypothesis import strategies as st

from tanger.service.serving.cache import AnswerCache


def test_what_is_kept_is_found():
    cache = AnswerCache(2)
    assert cache.get("A") is None
    cache.put("A", 1)
    assert cache.get("A") == 1
    assert len(cache) == 1


def test_of_what_was_requested_once_the_oldest_goes_first():
    cache = AnswerCache(2)
    for answer, requested in enumerate("ABC"):
        cache.put(requested, answer)
    assert [cache.get(requested) for requested in "ABC"] == [None, 1, 2]


def test_what_is_requested_again_outlives_any_number_that_are_not():
    cache = AnswerCache(20)
    cache.put("A", 1)
    for number in range(10):
        cache.put(f"early {number}", number)
    assert cache.get("A") == 1
    for number in range(1000):
        cache.put(f"new {number}", number)
    assert cache.get("A") == 1
    assert len(cache) == 20


def test_what_comes_back_soon_stays():
    cache = AnswerCache(10)
    for number in range(12):
        cache.put(number, number)
    assert cache.get(0) is None
    cache.put(0, 0)
    for number in range(100, 120):
        cache.put(number, number)
    assert cache.get(0) == 0


def test_what_nobody_asks_for_any_more_goes_in_the_end():
    cache = AnswerCache(10)
    cache.put("A", 1)
    cache.get("A")
    for number in range(200):
        cache.put(number, number)
        cache.get(number)
    assert cache.get("A") is None


def test_a_word_takes_one_place():
    cache = AnswerCache(2)
    for _ in range(5):
        cache.put("A", 1)
    cache.put("B", 2)
    assert (cache.get("A"), cache.get("B"), len(cache)) == (1, 2, 2)


def test_a_large_answer_counts_as_several():
    cache = AnswerCache(4, weigh=len)
    cache.put("A", "1")
    cache.put("B", "123")
    assert (cache.get("B"), cache.get("A")) == ("123", "1")
    cache.put("E", "12345")
    assert cache.get("E") is None
    assert len(cache) <= 2


def test_no_room_keeps_nothing():
    cache = AnswerCache(0)
    cache.put("A", 1)
    assert cache.get("A") is None
    assert len(cache) == 0


@given(
    st.integers(0, 12),
    st.lists(st.tuples(st.booleans(), st.integers(0, 30), st.integers(1, 5)), max_size=300),
)
def test_it_never_holds_more_than_it_may_and_never_the_wrong_answer(capacity, steps):
    cache = AnswerCache(capacity, weigh=lambda answer: answer[1])
    answers = {}
    for put, requested, weight in steps:
        if put:
            cache.put(requested, answers.setdefault(requested, (requested, weight)))
        else:
            assert cache.get(requested) in (None, answers.get(requested))
        held = [answer for each in range(31) if (answer := cache.get(each)) is not None]
        assert sum(weight for _, weight in held) <= capacity
        assert len(held) == len(cache)


def test_frequent_words_stay_while_a_long_list_goes_by():
    """A tenth of the questions are frequent words: with a plain queue none would stay."""
    draw = random.Random(1)
    cache, found, requested = AnswerCache(1000), 0, 0
    for number in range(20_000):
        if number % 10 == 0:
            word = f"frequent {int(draw.paretovariate(0.7)) % 500}"
            requested += 1
            if cache.get(word) is None:
                cache.put(word, 0)
            else:
                found += 1
        elif cache.get(f"new {number}") is None:
            cache.put(f"new {number}", 0)
    assert found > 0.8 * requested
