import msgspec

from tanger.service import metric_sums
from tanger.service.metrics import Metrics


class State:
    """What a process tells of itself."""

    engine = "C"

    def __init__(self, **gauges):
        self._gauges = gauges

    def gauges(self):
        return self._gauges

    def serving(self):
        return [{"name": "en-us", "version": "1", "language": "en-US"}]


def process(requests, **gauges):
    metrics = Metrics()
    metrics.watch(State(**gauges))
    for seconds in requests:
        metrics.request("/pronounce", "POST", 200, seconds)
    return metrics


def through_a_socket(metrics):
    """A snapshot as another process gets it."""
    found = msgspec.msgpack.encode(metric_sums.snapshot(metrics.registry))
    return metric_sums.received(msgspec.msgpack.decode(found))


def test_counters_and_histograms_add_up_and_gauges_by_what_they_mean():
    one = process([0.002, 0.3], queue_words=3, ready=1, workers_ready=2, queue_oldest_seconds=0.5)
    other = process([0.004], queue_words=4, ready=0, workers_ready=2, queue_oldest_seconds=2)
    found = metric_sums.render(metric_sums.add_up(map(through_a_socket, (one, other)))).decode()
    lines = found.splitlines()
    for line in (
        'tanger_requests_total{method="POST",route="/pronounce",status="200"} 3.0',
        'tanger_request_seconds_bucket{le="0.005",route="/pronounce"} 2.0',
        'tanger_request_seconds_count{route="/pronounce"} 3.0',
        "tanger_queue_words 7.0",
        "tanger_queue_oldest_seconds 2.0",
        "tanger_workers_ready 2.0",
        "tanger_ready 0.0",
        'tanger_model{language="en-US",name="en-us",version="1"} 1.0',
        'tanger_engine{engine="C"} 1.0',
    ):
        assert line in lines


def test_of_one_process_it_is_what_that_renders():
    metrics = process([0.002, 0.3], queue_words=3)
    once = metric_sums.add_up([through_a_socket(metrics)])
    assert sorted(metric_sums.render(once).splitlines()) == sorted(metrics.render().splitlines())


def test_what_a_process_that_has_ended_had_counted_stays():
    ended = through_a_socket(process([0.1, 0.2], queue_words=9))
    left = through_a_socket(process([0.1], queue_words=1))
    found = metric_sums.render(metric_sums.add_up([metric_sums.counted(ended), left])).decode()
    assert 'route="/pronounce",status="200"} 3.0' in found
    assert "tanger_queue_words 1.0" in found
