"""Three replicas behind Envoy, restarted and killed under load. In full by ``make soak``."""

import pytest

from benchmarks import replicas as bench
from tests.support.live_service import eventually
from tests.support.replicas import Replicas, door_load
from tests.support.soak_report import row, times

pytestmark = pytest.mark.slow


@pytest.fixture
def replicas(shipped_artifact, tmp_path):
    if bench.envoy_program() is None:
        pytest.skip("Envoy is not here: make deploy")
    replicas = Replicas(shipped_artifact, tmp_path)
    yield replicas
    replicas.end()


def test_three_replicas_and_one_door(replicas, tmp_path):
    rounds = times(1, 5)
    with row("Three replicas behind Envoy, restarted in turn and one killed, under load",
             "every request 200") as found:  # fmt: skip
        with bench.door(tmp_path, replicas.ports) as port, door_load(port) as load:
            for _ in range(rounds):
                for each in replicas.ports:
                    replicas.restart(each)
                answered = load.answered
                replicas.kill(replicas.ports[0])
                eventually(lambda before=answered: load.answered > before + 50, "answers")
                replicas.start(replicas.ports[0])
                replicas.instances[replicas.ports[0]].wait_until_ready()
        load.assert_all_answered()
        found.done(
            f"{3 * rounds} restarts, {rounds} kills, {load.answered:,} requests",
            f"all 200; longest wait {load.seconds:.2f} s",
        )
