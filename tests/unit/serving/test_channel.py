import asyncio
import socket
import threading

import pytest
import uvloop

from tanger.service.serving.channel import Channel


@pytest.fixture(params=[asyncio.run, uvloop.run])
def run(request):
    return request.param


class Ends:
    """A channel, what it heard and how it failed, and the other end."""

    def __init__(self, maximum=1 << 24):
        ours, self.other = socket.socketpair()
        self.other.settimeout(10)
        self.lines = []
        self.faults = []
        self.channel = Channel(
            ours, on_line=self.lines.append, on_fault=self.faults.append, maximum=maximum
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.channel.close()
        self.other.close()

    async def until(self, what):
        async with asyncio.timeout(10):
            while not what():
                await asyncio.sleep(0.001)


def test_a_line_goes_and_comes_within_the_call(run):
    async def talk():
        with Ends() as ends:
            ends.channel.send(b"there")
            assert ends.other.recv(100) == b"there\n", "before the loop turns"
            ends.other.sendall(b"back\n")
            assert ends.lines == []
            ends.channel.receive()
            assert ends.lines == [b"back"]
            ends.channel.receive()
            assert ends.lines == [b"back"]

    run(talk())


def test_the_loop_sees_to_it_too(run):
    async def talk():
        with Ends() as ends:
            for piece in (b"one ", b"line", b"\n"):
                ends.other.sendall(piece)
                await asyncio.sleep(0.01)
            await ends.until(lambda: ends.lines)
            ends.other.sendall(b"\n")
            await ends.until(lambda: len(ends.lines) == 2)
            assert ends.lines == [b"one line", b""]

    run(talk())


def test_lines_may_come_together_and_in_any_pieces(run):
    async def talk():
        with Ends() as ends:
            for piece in (b"one\ntw", b"o\n\nfo", b"ur\n"):
                ends.other.sendall(piece)
                ends.channel.receive()
            assert ends.lines == [b"one", b"two", b"", b"four"]
            assert ends.faults == []

    run(talk())


def test_long_lines_take_their_time(run):
    long = bytes(range(65, 91)) * 200_000

    async def talk():
        with Ends() as ends:
            heard = bytearray()

            def listen():
                while not heard.endswith(b"\n"):
                    heard.extend(ends.other.recv(1 << 16))
                ends.other.sendall(long + b"\n")

            other = threading.Thread(target=listen)
            ends.channel.send(long)
            other.start()
            await ends.until(lambda: ends.lines)
            other.join()
            assert heard == long + b"\n"
            assert ends.lines == [long]
            assert ends.faults == []

    run(talk())


def test_a_line_that_is_too_long_ends_it(run):
    async def talk():
        with Ends(maximum=1000) as ends:
            ends.other.sendall(b"x" * 2000)
            await ends.until(lambda: ends.faults)
            assert "its line has over 1,000 bytes" in str(ends.faults[0])
            assert ends.other.recv(1) == b"", "nobody listens any more"

    run(talk())


def test_who_ends_is_no_fault_but_speaking_to_nobody_is(run):
    async def talk():
        with Ends() as ends:
            ends.other.close()
            await asyncio.sleep(0.05)
            assert (ends.lines, ends.faults) == ([], [])
            with pytest.raises(OSError, match="pipe"):
                ends.channel.send(b"anybody there?")
            assert ends.faults == []
            ends.channel.close()

    run(talk())
