import os

import pytest

from tanger.service.serving.model_source import Sources
from tanger.service.settings import SettingError, Settings


@pytest.mark.parametrize("name", ["en-us", "en-us-fast", "en-us-cmudict"])
def test_what_another_process_gets_is_what_was_read(shipped_artifact, name):
    sources = Sources.read(Settings(artifact=shipped_artifact.parent / name))
    packed = sources.pack()
    assert len(packed) < 1 << 20, "without the weights"
    source, found = sources.first, Sources.unpack(packed).first
    assert {**vars(found.artifact), "files": None} == {**vars(source.artifact), "files": None}
    assert repr(found.artifact.calibration) == repr(source.artifact.calibration)
    assert found.ranking == source.ranking
    assert found.error_rates == source.error_rates
    pinned = {word: tuple(phonemes) for word, phonemes in found.pinned.items()}
    assert pinned == source.pinned
    assert found.notice == source.notice


def test_folders_are_separated_as_in_path(shipped_artifact):
    folders = [str(shipped_artifact.parent / name) for name in ("en-us", "de")]
    read = Sources.read(Settings(artifacts=os.pathsep.join(folders)))
    assert [model.artifact.name for model in read.models] == ["en-us", "de"]
    with pytest.raises(SettingError, match="not commas") as raised:
        Sources.read(Settings(artifacts=",".join(folders)))
    assert folders[1] in str(raised.value)
