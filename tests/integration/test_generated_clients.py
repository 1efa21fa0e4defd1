"""Clients that others' generators make of the OpenAPI document, clean and at work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.support.live_service import running

KEY = "a-key-of-the-generators"
CALLS = """
import io, sys
from generated import AuthenticatedClient
from generated.api.lexicon import get_lexicon_word, import_lexicon, put_lexicon_word
from generated.api.pronounce import pronounce, pronounce_word
from generated.models import (
    Alphabet, LexiconFileFormat, Problem, PronounceRequest, PronounceResponse, Source, EntryRequest
)
from generated.types import File

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
body = PronounceRequest(words=["bad", "\\u65e5"], source=Source.AUTO, alphabet=Alphabet.IPA)
found = pronounce.sync(client=client, body=body)
assert isinstance(found, PronounceResponse)
assert found.results[0].pronunciations and found.results[1].error.code == "unspellable"
assert isinstance(pronounce_word.sync("bad", client=client), PronounceResponse)
refused = pronounce.sync(client=client, body=PronounceRequest(words=[]))
assert isinstance(refused, Problem) and refused.errors[0].where == "body.words"
spoken = EntryRequest(pronunciations=["B AE D"])
assert put_lexicon_word.sync("bad", client=client, body=spoken).word == "bad"
lexicon = File(io.BytesIO(b"bed\\tB EH D"))
taken = import_lexicon.sync(client=client, body=lexicon, format_=LexiconFileFormat.TSV)
assert taken.entries == 1
missing = get_lexicon_word.sync("none", client=client)
assert isinstance(missing, Problem) and missing.code == "no_entry"
anybody = AuthenticatedClient(base_url=sys.argv[1], token="x" * 20)
assert pronounce.sync(client=anybody, body=body).code == "unauthorized"
"""


@pytest.fixture(scope="module")
def service(tiny_artifact, tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    settings = {"api_keys": KEY, "user_lexicon": folder / "words.db"}
    with running(folder / "log", artifact=tiny_artifact, **settings) as service:
        service.wait_until_ready()
        yield service


@pytest.fixture
def document(service, tmp_path):
    path = tmp_path / "openapi.json"
    path.write_bytes(httpx.get(f"{service.url}/openapi.json").content)
    return path


def generator(name, package):
    """The program and the Python that it runs on."""
    here = Path(sys.executable).parent
    found = shutil.which(name, path=f"{here}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        pytest.skip(f"{name} is not here: pip install {package}")
    return found, Path(found).read_text().splitlines()[0].removeprefix("#!").strip()


def run(*command, folder):
    here = Path(sys.executable).parent
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, "PATH": f"{here}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_openapi_python_client(service, document, tmp_path):
    program, python = generator("openapi-python-client", "openapi-python-client")
    output = run(program, "generate", "--path", document, "--meta", "none",
                 "--output-path", "generated", "--fail-on-warning", folder=tmp_path)  # fmt: skip
    assert "warning" not in output.lower()
    run(python, "-c", CALLS, service.url, KEY, folder=tmp_path)


def test_datamodel_code_generator(document, tmp_path):
    program, python = generator("datamodel-codegen", "datamodel-code-generator")
    run(program, "--input", document, "--input-file-type", "openapi", "--output", "models.py",
        "--output-model-type", "pydantic_v2.BaseModel", folder=tmp_path)  # fmt: skip
    names = {
        "PronounceRequest",
        "PronounceResponse",
        "Problem",
        "EntryRequest",
        "Source",
        "Alphabet",
    }
    code = (
        f"import models; missing = {names} - set(dir(models)); assert not missing, missing\n"
        "models.PronounceRequest(words=['bad'], source='auto', n=3)\n"
        "numbered = [name for name in dir(models) if name[-1].isdigit()]\n"
        "assert not numbered, numbered"
    )
    run(python, "-c", code, folder=tmp_path)


def test_every_schema_has_a_name(document):
    text = document.read_text()
    parsed = json.loads(text)
    operations = [each for path in parsed["paths"].values() for each in path.values()]
    assert {operation["operationId"] for operation in operations} == {
        *("pronounce", "pronounce_word", "livez", "startupz", "readyz", "health", "info", "reload"),
        *("get_lexicon_word", "put_lexicon_word", "delete_lexicon_word"),
        *("export_lexicon", "import_lexicon", "languages", "text"),
    }

    def inlined(node):
        """Objects and enumerations that stand where they are used."""
        if isinstance(node, dict):
            if "enum" in node or "properties" in node:
                yield node
            node = list(node.values())
        if isinstance(node, list):
            for part in node:
                yield from inlined(part)

    assert not list(inlined(parsed["paths"]))
    for name, schema in parsed["components"]["schemas"].items():
        assert not list(inlined(list(schema.get("properties", {}).values()))), name
