import asyncio
import os
import socket
import threading

import pytest
import uvloop

from tanger.service.serving.wire import Channel, DescriptorChannel, frame, read_message


@pytest.fixture(params=[asyncio.run, uvloop.run])
def run(request):
    return request.param


class Ends:
    """A channel, what it received and how it failed, and the other end as a process has it."""

    def __init__(self, longest=1 << 24):
        ours, self.other = socket.socketpair()
        self.other.settimeout(10)
        self.messages = []
        self.faults = []
        self.ended = []
        self.channel = Channel(
            ours,
            on_message=self.messages.append,
            on_fault=self.faults.append,
            longest=longest,
            on_end=lambda: self.ended.append(True),
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


def framed(*messages):
    return b"".join(map(frame, messages))


def test_a_message_goes_and_comes_within_the_call(run):
    async def talk():
        with Ends() as ends:
            ends.channel.send(b"there")
            assert read_message(ends.other) == b"there", "before the loop turns"
            ends.other.sendall(frame(b"back"))
            assert ends.messages == []
            ends.channel.receive()
            assert ends.messages == [b"back"]
            ends.channel.receive()
            assert ends.messages == [b"back"]

    run(talk())


def test_the_loop_sees_to_it_too(run):
    async def talk():
        with Ends() as ends:
            for byte in framed(b"one", b""):
                ends.other.sendall(bytes([byte]))
                await asyncio.sleep(0.001)
            await ends.until(lambda: len(ends.messages) == 2)
            assert ends.messages == [b"one", b""]

    run(talk())


def test_messages_may_come_together_and_in_any_pieces(run):
    async def talk():
        sent = framed(b"one", b"two\n", b"", b"four")
        with Ends() as ends:
            for start, end in ((0, 9), (9, 10), (10, len(sent))):
                ends.other.sendall(sent[start:end])
                ends.channel.receive()
            assert ends.messages == [b"one", b"two\n", b"", b"four"]
            assert ends.faults == []

    run(talk())


def test_long_messages_take_their_time(run):
    long = bytes(range(256)) * 20_000

    async def talk():
        with Ends() as ends:
            received = []

            def answer():
                received.append(read_message(ends.other))
                ends.other.sendall(frame(long))

            other = threading.Thread(target=answer)
            ends.channel.send(long)
            other.start()
            await ends.until(lambda: ends.messages)
            other.join()
            assert received == [long]
            assert ends.messages == [long]
            assert ends.faults == []

    run(talk())


def test_a_message_that_is_too_long_ends_it(run):
    async def talk():
        with Ends(longest=1000) as ends:
            ends.other.sendall(framed(b"x" * 2000))
            await ends.until(lambda: ends.faults)
            assert "its message has over 1,000 bytes" in str(ends.faults[0])
            assert ends.other.recv(1) == b"", "nobody listens any more"

    run(talk())


def test_who_ends_is_no_fault_but_speaking_to_nobody_is(run):
    async def talk():
        with Ends() as ends:
            ends.other.close()
            await ends.until(lambda: ends.ended)
            assert (ends.messages, ends.faults) == ([], [])
            with pytest.raises(OSError, match="pipe"):
                ends.channel.send(b"anybody there?")
            assert ends.faults == []
            ends.channel.close()

    run(talk())


def test_a_stream_that_ends_within_a_message_has_ended(run):
    async def talk():
        with Ends() as ends:
            ends.channel.send(b"whole")
            ends.channel.close()
            assert read_message(ends.other) == b"whole"
            assert read_message(ends.other) is None

    run(talk())


def test_descriptors_come_with_their_messages(run):
    async def talk():
        here, there = socket.socketpair()
        pipes = [os.pipe() for _ in range(3)]
        received = []

        def read(message):
            if not message.startswith(b"plain"):
                descriptor = receiver.take_descriptor()
                received.append((message, os.read(descriptor, 10)))
                os.close(descriptor)
            else:
                received.append(message)

        def nothing(error):
            raise error

        longest = 1 << 24
        sender = DescriptorChannel(here, on_message=read, on_fault=nothing, longest=longest)
        receiver = DescriptorChannel(there, on_message=read, on_fault=nothing, longest=longest)
        long = b"plain" * 1_000_000  # more than a socket holds: what follows has to wait
        sender.send(b"first", pipes[0][0])
        sender.send(long)
        sender.send(b"second", pipes[1][0])
        sender.send(b"third", pipes[2][0])
        for number, (_, end) in enumerate(pipes):
            os.write(end, b"%d" % number)
            os.close(end)
        async with asyncio.timeout(10):
            while len(received) < 4:
                await asyncio.sleep(0.001)
        assert received == [(b"first", b"0"), long, (b"second", b"1"), (b"third", b"2")]
        with pytest.raises(ValueError, match="lacks a descriptor"):
            receiver.take_descriptor()
        sender.close()
        receiver.close()

    run(talk())
