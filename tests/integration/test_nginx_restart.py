"""The recipe of deploy/: both instances restarted behind nginx, and every request answered."""

import collections
import os
import shutil
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, closing

import httpx
import pytest

from tests.support import ROOT
from tests.support.live_service import LiveService, eventually

KEY = "a-key-of-the-restart-test"
HEADERS = {"X-API-Key": KEY}
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def free_ports(number):
    with ExitStack() as stack:
        bound = [stack.enter_context(closing(socket.socket())) for _ in range(number)]
        for each in bound:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in bound]


@pytest.fixture
def nginx(tmp_path):
    """Starts the configuration of deploy/ on other ports."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("nginx is not here: apt-get install nginx-light")
    processes = []

    def start(listen, *instances):
        site = (ROOT / "deploy" / "nginx.conf").read_text()
        ports = {"listen 8000": f"listen 127.0.0.1:{listen}"}
        ports |= {f":{8001 + n} ": f":{port} " for n, port in enumerate(instances)}
        for there, here in ports.items():
            assert site.count(there) == 1
            site = site.replace(there, here)
        (tmp_path / "site.conf").write_text(site)
        (tmp_path / "nginx.conf").write_text(MAIN.format(folder=tmp_path))
        processes.append(
            subprocess.Popen(
                [program, "-c", tmp_path / "nginx.conf", "-e", tmp_path / "error.log"],
                stdin=subprocess.DEVNULL,
            )
        )
        return f"http://127.0.0.1:{listen}"

    yield start
    for process in processes:
        process.terminate()
        process.wait(60)


class Fleet:
    """Instances of the service, each on its port, that are restarted from a shell."""

    def __init__(self, artifact, folder):
        self.settings = {
            "artifact": artifact, "api_keys": KEY, "user_lexicon": folder / "words.db",
            "builtin_lexicon": "off", "keep_alive": 75, "trusted_proxies": "127.0.0.1",
        }  # fmt: skip
        self.folder = folder
        self.instances = {}
        self.starts = 0

    def start(self, port):
        self.starts += 1
        log = self.folder / f"log{self.starts}"
        self.instances[port] = LiveService(log, **self.settings, port=port)

    def restart(self, port):
        assert self.instances[port].stop() == 0
        self.start(port)

    def end(self):
        for instance in self.instances.values():
            instance.end()


@pytest.fixture
def fleet(tiny_artifact, tmp_path):
    fleet = Fleet(tiny_artifact, tmp_path)
    yield fleet
    fleet.end()


@pytest.mark.slow
def test_both_instances_restart_and_no_request_fails(fleet, nginx, tmp_path):
    listen, first, second = free_ports(3)
    for port in (first, second):
        fleet.start(port)
    for instance in fleet.instances.values():
        instance.wait_until_ready()
    url = nginx(listen, first, second)

    def answers():
        try:
            return httpx.get(f"{url}/readyz").status_code == 200
        except httpx.TransportError:
            return False

    eventually(answers, "nginx to answer")
    stop, outcomes = threading.Event(), collections.Counter()

    def send(number):
        with httpx.Client(base_url=url, headers=HEADERS, timeout=60) as client:
            while not stop.is_set():
                for method, path, body in (
                    ("POST", "/pronounce", {"words": ["bad", "tanger"], "source": "auto"}),
                    ("GET", "/pronounce/bed", None),
                    ("PUT", f"/lexicon/w{number}", {"pronunciations": ["T AE"]}),
                ):
                    answer = client.request(method, path, json=body)
                    outcomes[method, answer.status_code] += 1
                time.sleep(0.02)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for sender in senders:
        sender.start()
    # The script restarts by a command; this one asks for it through a file, and waits
    restart = tmp_path / "restart"
    restart.write_text(
        f'#!/bin/sh\ntouch "{tmp_path}/wanted-$1"\n'
        f'until [ -e "{tmp_path}/done-$1" ]; do sleep 0.1; done\n'
    )
    restart.chmod(0o755)
    script = subprocess.Popen(
        [ROOT / "deploy" / "rolling-restart.sh", str(first), str(second)],
        env={**os.environ, "RESTART": f"{restart} "},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for port in (first, second):
            eventually((tmp_path / f"wanted-{port}").exists, f"the restart of {port}")
            fleet.restart(port)
            (tmp_path / f"done-{port}").touch()
        output, _ = script.communicate(timeout=180)
    finally:
        script.kill()
        stop.set()
        for sender in senders:
            sender.join()
    assert script.returncode == 0
    assert output == f"port {first} is ready\nport {second} is ready\n"
    assert {status for _, status in outcomes} <= {200, 201}, outcomes
    assert min(outcomes["POST", 200], outcomes["GET", 200], outcomes["PUT", 200]) > 20, outcomes


def test_an_instance_stays_where_another_is_not_ready(fleet, tmp_path):
    if shutil.which("curl") is None:
        pytest.skip("curl is not here")
    first, second = free_ports(2)
    fleet.start(first)
    fleet.instances[first].wait_until_ready()
    done = subprocess.run(
        [ROOT / "deploy" / "rolling-restart.sh", str(first), str(second)],
        env={**os.environ, "RESTART": f"touch {tmp_path}/restarted-"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"port {second} is not ready: port {first} stays as it is" in done.stderr
    assert not list(tmp_path.glob("restarted-*"))
