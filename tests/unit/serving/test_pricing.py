import pytest

from tanger.service.serving.pricing import LatencyEstimator


def test_nothing_is_known_at_first():
    pace = LatencyEstimator()
    assert not pace.known
    assert pace.seconds(100) == 0


def test_one_batch_tells_a_rate():
    pace = LatencyEstimator()
    pace.add(10, 5.0)
    assert pace.known
    assert pace.seconds(20) == pytest.approx(10)
    assert pace.seconds(20, batches=3) == pytest.approx(10)


def test_two_sizes_tell_the_overhead():
    pace = LatencyEstimator()
    for _ in range(3):
        pace.add(10, 3.0)  # two, and a tenth a letter
        pace.add(100, 12.0)
    assert pace.seconds(50) == pytest.approx(7)
    assert pace.seconds(100, batches=4) == pytest.approx(18)


def test_the_latest_count_more():
    pace = LatencyEstimator()
    for _ in range(100):
        pace.add(10, 1.0)
    for _ in range(300):
        pace.add(10, 4.0)
    assert pace.seconds(10) == pytest.approx(4, rel=0.01)


@pytest.mark.parametrize("batches", [[(10, 5.0), (100, 1.0)], [(10, 0.0), (100, 50.0)]])
def test_noise_never_makes_a_term_negative(batches):
    pace = LatencyEstimator()
    for letters, seconds in batches:
        pace.add(letters, seconds)
    assert pace.seconds(1) >= 0
    assert pace.seconds(1000) >= pace.seconds(1)
    assert pace.seconds(10, batches=2) >= pace.seconds(10)
