import os

import pytest
from pydantic import ValidationError

from tanger.service.server import main
from tanger.service.settings import Settings, read_settings, unknown

DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("TANGER_"):
            monkeypatch.delenv(name)


def test_defaults_serve_the_shipped_artifact_to_this_machine_alone(shipped_artifact):
    settings = Settings()
    assert settings.artifact.resolve() == shipped_artifact
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert (settings.max_words, settings.max_letters) == (256, 64)
    assert settings.max_wait == 0


def test_the_environment_is_read(monkeypatch, tmp_path):
    monkeypatch.setenv("TANGER_ARTIFACT", str(tmp_path))
    monkeypatch.setenv("TANGER_PORT", "9000")
    monkeypatch.setenv("TANGER_MAX_WAIT", "0.005")
    settings = Settings()
    assert (settings.artifact, settings.port, settings.max_wait) == (tmp_path, 9000, 0.005)


def test_an_empty_value_is_none_at_all(monkeypatch, shipped_artifact):
    for name in Settings.model_fields:
        monkeypatch.setenv(f"TANGER_{name.upper()}", "")
    settings = Settings()
    # But that of the public routes: nothing is public then
    assert settings == Settings.model_construct(**{**DEFAULTS, "public_routes": ""})
    assert settings.artifact.resolve() == shipped_artifact
    assert settings.api_keys_file is None
    assert settings.user_lexicon is None
    monkeypatch.setenv("TANGER_API_KEYS_FILE", " ")
    arguments = ["--user-lexicon", "", "--api-keys-file", ""]
    settings = read_settings(arguments)
    assert (settings.user_lexicon, settings.api_keys_file) == (None, None)


def test_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("TANGER_PORT", "9000")
    monkeypatch.setenv("TANGER_QUEUE_LETTERS", "3000")
    settings = read_settings(["--port", "9001", "--max-words", "17"])
    assert (settings.port, settings.queue_letters, settings.max_words) == (9001, 3000, 17)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "70000"),
        ("port", "http"),
        ("workers", "-1"),
        ("workers", "1.5"),
        ("max_batch", "0"),
        ("max_words", "0"),
        ("max_letters", "0"),
        ("max_body", "0"),
        ("queue_letters", "0"),
        ("max_wait", "-1"),
        ("max_wait", "nan"),
        ("timeout", "0"),
        ("timeout", "nan"),
        ("max_timeout", "soon"),
        ("decode_timeout", "0"),
        ("cache_words", "-1"),
        ("check_every", "0"),
        ("log_format", "xml"),
        ("grace", "-1"),
        ("device", "gpu"),
        ("device", "cuda:"),
        ("device", "cpu:1"),
        ("log_level", "loud"),
    ],
)
def test_a_bad_value_is_named_and_nothing_is_served(monkeypatch, capsys, name, value):
    monkeypatch.setenv(f"TANGER_{name.upper()}", value)
    with pytest.raises(ValidationError):
        Settings()
    assert main([]) == 2
    assert f"error: {name}: " in capsys.readouterr().err


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:11"])
def test_devices(device):
    assert Settings(device=device).device == device


def test_the_queue_must_hold_a_whole_request(monkeypatch, capsys):
    assert main(["--queue-letters", "50", "--max-words", "6", "--max-letters", "9"]) == 2
    spoken = capsys.readouterr().err
    assert "queue_letters (50) must be at least max_words (6) times max_letters (9)" in spoken
    assert Settings(queue_letters=54, max_words=6, max_letters=9).queue_letters == 54


def test_a_request_may_ask_for_the_default(capsys):
    assert main(["--timeout", "90"]) == 2
    assert "timeout (90) must be at most max_timeout (60)" in capsys.readouterr().err
    assert Settings(timeout=90, max_timeout=90).timeout == 90


def test_an_unknown_option_is_refused(monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--wokers", "3"])
    assert caught.value.code == 2
    assert "--wokers" in capsys.readouterr().err


def test_misspelt_variables_are_found():
    assert unknown(["TANGER_PROT", "TANGER_PORT", "tanger_host", "PATH"]) == ["TANGER_PROT"]


def test_help_names_every_setting(monkeypatch, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    spoken = capsys.readouterr().out
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')} " in spoken
        assert field.description, f"{name} is not described"


def test_settings_do_not_change():
    with pytest.raises(ValidationError):
        Settings().port = 1
