import socket
import threading

import pytest

from tanger.service.serving import wire
from tanger.service.serving.inbox import Inbox
from tanger.service.serving.shared_counts import SharedCounts
from tanger.service.serving.wire import Connect, DecodeBatch, DecodeRequest

SLOT = 3


class Wired:
    """An inbox, and the other ends of its connections."""

    def __init__(self, rows, max_batch=4):
        self.counts = SharedCounts(rows)
        self.control, theirs = socket.socketpair()
        self.inbox = Inbox(theirs, self.counts, SLOT, max_batch=max_batch)
        self.clients = []
        for row in range(rows):
            ours, other = socket.socketpair()
            ours.settimeout(10)
            message = wire.frame(wire.encode(Connect(row)))
            socket.send_fds(self.control, [message], [other.fileno()])
            other.close()
            self.clients.append(ours)
            self.ask(row, "CONNECTED")
            self.work()
            self.answered(row)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.inbox.close()
        for end in (self.control, *self.clients):
            end.close()

    def ask(self, row, *words, alone=False):
        batch = DecodeBatch([DecodeRequest(word) for word in words], alone)
        self.clients[row].sendall(wire.frame(wire.encode(batch)))

    def work(self):
        """Decode the next batch to lower case; its words."""
        requests = self.inbox.take()
        self.inbox.answer([request.word.lower() for request in requests])
        return [request.word for request in requests]

    def answered(self, row):
        return wire.decode_answers(wire.read_message(self.clients[row]))

    def begun(self):
        """Batches, but the first of each connection."""
        return [self.counts.client(row).begun(SLOT) - 1 for row in range(self.counts.rows)]


@pytest.fixture
def two():
    with Wired(2) as wired:
        yield wired


def test_what_lies_in_all_connections_is_decoded_together(two):
    two.ask(0, "A", "B")
    two.ask(1, "C")
    assert sorted(two.work()) == ["A", "B", "C"]
    assert two.begun() == [1, 1]
    assert (two.answered(0), two.answered(1)) == (["a", "b"], ["c"])


def test_a_batch_has_no_more_words_than_fit_but_one_message_goes_whole(two):
    two.ask(0, "A", "B", "C", "D", "E")
    two.ask(1, "F")
    taken = [two.work(), two.work()]
    assert sorted(taken, key=len) == [["F"], ["A", "B", "C", "D", "E"]]


def test_messages_of_one_connection_are_answered_in_their_order_and_each_has_its_turn(two):
    for word in "ABCDEFGH":
        two.ask(0, word)
    two.ask(1, "Z")
    batches = [two.work(), two.work(), two.work()]
    assert "Z" in batches[0], "it does not wait for all the others"
    assert [len(batch) for batch in batches] == [4, 4, 1]
    assert [two.answered(0) for _ in range(8)] == [[letter] for letter in "abcdefgh"]
    assert two.begun() == [8, 1]


def test_what_a_lost_worker_held_goes_alone(two):
    two.ask(0, "A")
    two.ask(1, "B", alone=True)
    two.ask(1, "C")
    taken = [two.work(), two.work()]
    while sum(map(len, taken)) < 3:
        taken.append(two.work())
    assert ["B"] in taken
    assert [two.answered(1), two.answered(1)] == [["b"], ["c"]]


def test_who_takes_no_answers_keeps_nobody_waiting(two):
    long = "A" * 100_000
    for _ in range(20):
        two.ask(0, "X")
        requests = two.inbox.take()
        two.inbox.answer([long for _ in requests])  # more than a socket holds
    two.ask(1, "B")
    assert two.work() == ["B"]
    assert two.answered(1) == ["b"]
    received = []
    reading = threading.Thread(target=lambda: received.extend(two.answered(0) for _ in range(20)))
    reading.start()
    two.ask(1, "C")
    while reading.is_alive():  # what waits is sent while others are served
        two.ask(1, "D")
        two.work()
        two.answered(1)
    assert received == [[long]] * 20


def test_who_ends_is_forgotten(two):
    two.ask(0, "A")
    two.clients[0].close()
    two.ask(1, "B")
    words = two.work()
    if "B" not in words:  # its last words may be taken before its end is seen
        words = two.work()
    assert "B" in words
    assert two.answered(1) == ["b"]


def test_the_end_of_the_control_connection_is_the_end(two):
    two.control.close()
    assert two.inbox.take() is None


def test_words_in_pieces(two):
    message = wire.frame(wire.encode(DecodeBatch([DecodeRequest("AB")])))
    taken = []
    working = threading.Thread(target=lambda: taken.append(two.work()))
    working.start()
    for byte in message:
        two.clients[1].sendall(bytes([byte]))
    working.join(10)
    assert taken == [["AB"]]
