"""Networks of a decoding process: loaded when needed, unloaded when they exceed a limit."""

import os
from functools import partial

import pytest

from tanger.model.artifact import WEIGHTS
from tanger.model.phonemizer import NetworkPhonemizer
from tanger.service.serving.networks import ArtifactStore, Networks, read_artifact
from tanger.service.serving.wire import DecodeRequest
from tanger.service.serving.worker import answer, answer_all
from tests.support.artifacts import random_artifact
from tests.support.networks import STRONG

WORDS = ["GABE", "A", "BAD"] * 3
REQUESTS = [DecodeRequest(word, language=at // 3) for at, word in enumerate(WORDS)]


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifacts")
    return [random_artifact(folder / str(seed), STRONG, seed) for seed in range(3)]


def networks(artifacts, limit):
    store = ArtifactStore(artifacts)
    load = partial(NetworkPhonemizer.from_artifact, device="cpu")
    read = partial(read_artifact, store.descriptor)
    return store, Networks(load(read(0)), read=read, load=load, limit=limit)


def test_processes_read_what_was_stored(artifacts):
    store = ArtifactStore(artifacts)
    inherited = os.dup(store.descriptor)
    del store
    assert [read_artifact(inherited, at) for at in (2, 0, 1)] == [artifacts[at] for at in (2, 0, 1)]
    os.close(inherited)


def test_each_language_is_decoded_by_its_own_network(artifacts):
    _store, found = networks(artifacts, 1 << 20)
    assert found.loaded == [0]
    alone = [
        answer(NetworkPhonemizer.from_artifact(artifacts[each.language], "cpu"), [each])[0]
        for each in REQUESTS
    ]
    assert answer_all(found, REQUESTS) == alone
    assert len(set(alone)) > 3, "the networks differ"
    assert found.loaded == [0, 1, 2]
    found.get(1)
    assert found.loaded == [0, 2, 1], "the most recently used one last"


def test_the_least_recently_used_one_makes_room(artifacts):
    size = len(artifacts[1].files[WEIGHTS])
    _store, found = networks(artifacts, 3 * size)  # for one of them
    first = found.get(1)
    assert found.get(1) is first
    found.get(2)
    assert found.loaded == [0, 2]
    _other, roomless = networks(artifacts, 0)
    assert answer_all(found, REQUESTS) == answer_all(roomless, REQUESTS)
    found.get(0)
    assert found.loaded == [0, 2], "the first language's is always there"
