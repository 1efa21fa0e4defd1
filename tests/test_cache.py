from service.cache import AnswerCache


def test_what_is_kept_is_found():
    cache = AnswerCache(2)
    assert cache.get("A") is None
    cache.put("A", 1)
    assert cache.get("A") == 1
    assert len(cache) == 1


def test_the_longest_unused_goes_first():
    cache = AnswerCache(2)
    cache.put("A", 1)
    cache.put("B", 2)
    assert cache.get("A") == 1
    cache.put("C", 3)
    assert (cache.get("A"), cache.get("B"), cache.get("C")) == (1, None, 3)


def test_a_word_takes_one_place():
    cache = AnswerCache(2)
    for answer in range(5):
        cache.put("A", answer)
    cache.put("B", 5)
    assert (cache.get("A"), cache.get("B"), len(cache)) == (4, 5, 2)


def test_a_large_answer_counts_as_several():
    cache = AnswerCache(4, weigh=len)
    cache.put("A", "1")
    cache.put("B", "123")
    assert (cache.get("B"), cache.get("A")) == ("123", "1")
    cache.put("C", "12")
    assert (cache.get("A"), cache.get("B"), cache.get("C")) == ("1", None, "12")
    cache.put("C", "1")
    cache.put("D", "12")
    assert (cache.get("A"), cache.get("C"), cache.get("D")) == ("1", "1", "12")
    cache.put("E", "12345")
    assert len(cache) == 0


def test_no_room_keeps_nothing():
    cache = AnswerCache(0)
    cache.put("A", 1)
    assert cache.get("A") is None
