"""Downloads from a real HTTP server on the loopback interface that can interrupt transfers."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tanger.model import OutputExistsError
from tanger.model.cli import data
from tanger.model.cli.data import DownloadError, Source

CONTENT = bytes(range(256)) * 1200
FILE = Source("words.dict", hashlib.sha256(CONTENT).hexdigest())


class Server:
    """Serves `CONTENT`; `breaks` has the sizes in bytes to which the next answers are cut."""

    def __init__(self):
        self.breaks = []
        self.ranges = True
        self.content = CONTENT
        self.requests = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                owner.requests.append(self.headers.get("Range"))
                if self.path != f"/data/{FILE.name}":
                    self.send_error(404)
                    return
                start = 0
                if owner.ranges and (requested := self.headers.get("Range")):
                    start = int(requested.removeprefix("bytes=").removesuffix("-"))
                    if start >= len(owner.content):
                        self.send_error(416)
                        return
                self.send_response(206 if start else 200)
                body = owner.content[start:]
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if owner.breaks:
                    body = body[: owner.breaks.pop(0)]
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/data/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.server.shutdown()
    server.server.server_close()


def fetch(origin, folder, files=(FILE,), **options):
    spoken = []
    data.download(folder, origin, files=files, print_progress=spoken.append, **options)
    return spoken


def test_downloads_then_reuses(server, tmp_path):
    assert fetch(server.address, tmp_path / "new")[0].startswith("downloaded")
    assert (tmp_path / "new" / FILE.name).read_bytes() == CONTENT
    assert fetch(server.address, tmp_path / "new")[0].startswith("reusing")
    assert len(server.requests) == 1


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_transfer_goes_on_or_starts_over(server, tmp_path, ranges):
    server.ranges = ranges
    server.breaks = [100_000, 50_000]
    spoken = fetch(server.address, tmp_path)
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    assert len([line for line in spoken if "trying again" in line]) == 2
    assert server.requests[1] == "bytes=100000-"
    assert [path.name for path in tmp_path.iterdir()] == [FILE.name]


def test_the_next_run_goes_on_where_this_one_gave_up(server, tmp_path):
    server.breaks = [70_000, 0, 0, 0]
    with pytest.raises(DownloadError) as caught:
        fetch(server.address, tmp_path)
    assert caught.value.name == FILE.name
    assert not (tmp_path / FILE.name).exists()
    fetch(server.address, tmp_path)
    assert server.requests[-1] == "bytes=70000-"
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_a_stale_part_does_no_harm(server, tmp_path):
    (tmp_path / f"{FILE.name}.part").write_bytes(b"x" * 1000)
    fetch(server.address, tmp_path)
    assert (tmp_path / FILE.name).read_bytes() == CONTENT
    (tmp_path / FILE.name).rename(tmp_path / f"{FILE.name}.part")
    fetch(server.address, tmp_path)
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_other_content_is_refused(server, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(DownloadError, match="sha256"):
        fetch(server.address, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_replaced_on_purpose(server, tmp_path):
    (tmp_path / FILE.name).write_bytes(b"short")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        fetch(server.address, tmp_path)
    assert (tmp_path / FILE.name).read_bytes() == b"short"
    fetch(server.address, tmp_path, overwrite=True)
    assert (tmp_path / FILE.name).read_bytes() == CONTENT


def test_a_missing_file_is_named(server, tmp_path):
    with pytest.raises(DownloadError, match=r"other\.dict"):
        fetch(server.address, tmp_path, files=(Source("other.dict", ""),))
    assert len(server.requests) == 1


def test_nobody_there_is_reported(tmp_path):
    with pytest.raises(DownloadError, match="refused"):
        fetch("http://127.0.0.1:9/data", tmp_path)


def test_from_a_folder(tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / FILE.name).write_bytes(CONTENT)
    fetch(str(source), tmp_path / "target")
    assert (tmp_path / "target" / FILE.name).read_bytes() == CONTENT
    with pytest.raises(DownloadError, match="is not there"):
        fetch(str(tmp_path / "nowhere"), tmp_path / "other")


def test_the_splits_checksums_are_right(split, tmp_path):
    data.download(tmp_path, str(split), print_progress=lambda _: None)
    assert {path.name for path in tmp_path.iterdir()} == {file.name for file in data.FILES}
