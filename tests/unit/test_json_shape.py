import time

import pytest

from tanger.service.lexicon_schemas import EntryRequest
from tanger.service.request_body import first_fault
from tanger.service.schemas import PronounceRequest

MEGABYTE = 1 << 20


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"words":["a"],"x":[' + b"[]," * 150_000 + b"1]}", "unknown field `x`"),
        (b'{"words":["a"]' + b"".join(b',"f%d":0' % n for n in range(50_000)) + b"}", "f0"),
        (b'{"words":[' + b"1," * 300_000 + b"1]}", "Expected `str`, got `int`"),
        (b'{"words":["a"],"source":[' + b"{}," * 150_000 + b"1]}", "source has more than 1,024"),
        (b'{"words":["a"],"n":' + b"9" * 100_000 + b"}", "n has more than 1,024 bytes"),
        (b'{"words":[' + b"[]," * 150_000 + b"1]}", "got `array`"),
        (b"[" + b"1," * 200_000 + b"1]", "Expected `object`"),
    ],
)
def test_the_first_fault_is_found_without_reading_the_rest_into_objects(body, fault):
    started = time.thread_time()
    assert fault in first_fault(body, PronounceRequest)
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize(
    "body", [b"[" * MEGABYTE, b'{"a":' * 100_000, b"\xff" * 1000, b"{" + b" " * MEGABYTE]
)
def test_what_is_not_json_is_not_json(body):
    with pytest.raises(ValueError, match="the body is not JSON"):
        first_fault(body, PronounceRequest)


def test_what_is_well_formed_is_for_pydantic_to_judge():
    assert first_fault(b'{"words": ["a"], "n": 11, "stress": null}', PronounceRequest) is None
    assert first_fault(b'{"pronunciations": ["T AE NG"]}', EntryRequest) is None
    assert first_fault(b'{"pronunciations": [1]}', EntryRequest) is None
