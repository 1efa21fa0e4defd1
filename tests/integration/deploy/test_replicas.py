"""The configuration of deploy/envoy before three real replicas."""

import pytest

from benchmarks import replicas as bench
from tests.support.live_service import eventually
from tests.support.replicas import Replicas, door_load

pytestmark = pytest.mark.slow

WORDS = ["bad", "bed", "tanger", "grand", "tan", "ran", "ten", "den", "gnat", "rat", "tart", "dart"]


@pytest.fixture(scope="module")
def replicas(tiny_artifact, tmp_path_factory):
    if bench.envoy_program() is None:
        pytest.skip("Envoy is not here: make replicas")
    replicas = Replicas(tiny_artifact, tmp_path_factory.mktemp("replicas"))
    yield replicas
    replicas.end()


@pytest.fixture(scope="module")
def door(replicas, tmp_path_factory):
    with bench.door(tmp_path_factory.mktemp("envoy"), replicas.ports) as port:
        yield port


def decoded(replicas):
    return [bench.counted_words(port).get("decoded", 0) for port in replicas.ports]


def test_a_word_always_goes_to_the_same_replica(replicas, door):
    before, statuses = decoded(replicas), []
    # With any options: it is the word that is hashed
    bench.get_all(door, WORDS * 10, seen=statuses.append)
    assert set(statuses) == {200}
    after = decoded(replicas)
    new = [late - early for early, late in zip(before, after, strict=True)]
    # By turns it would be three times each. Where one had more than its share, a word went
    # elsewhere once; what several clients wait for counts for each
    assert len(WORDS) <= sum(new) <= 2 * len(WORDS)
    assert min(new) > 0, "a ring that leaves one out"


@pytest.mark.parametrize("path", ["a%2Fb", "..", "%2e%2e", "a//b", "%C3%85ngstr%C3%B6m", "a%3Fb"])
def test_any_word_comes_through_as_it_is(replicas, door, path):
    from tests.support.live_service import Exchange, get

    through = Exchange(door, get(f"/pronounce/{path}")).answer()
    direct = Exchange(replicas.ports[0], get(f"/pronounce/{path}")).answer()
    assert through.status_code == direct.status_code
    if direct.status_code == 200:
        assert through.json()["results"] == direct.json()["results"]


def test_no_request_fails_in_a_rollout_and_a_crash(replicas, door):
    with door_load(door) as load:
        eventually(lambda: load.answered > 20, "answers")
        for port in replicas.ports:
            replicas.restart(port)
        answered = load.answered
        killed = replicas.ports[0]
        replicas.kill(killed)
        eventually(lambda: load.answered > answered + 50, "answers of the others")
        replicas.start(killed)
        replicas.instances[killed].wait_until_ready()
        answered = load.answered
        eventually(lambda: load.answered > answered + 20, "answers of all three")
    load.assert_all_answered()
