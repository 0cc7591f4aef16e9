"""Both ends in processes of their own: they meet, their results come back, nothing stays behind."""

import asyncio
import os
import socket

import psutil
import pytest

from helpers.hosting.both_ends import run_both_ends
from helpers.ledger import now_s


def children():
    return psutil.Process().children(recursive=True)


def echo(listener):
    connection, _ = listener.accept()
    with connection:
        data = connection.recv(100)
        connection.sendall(data)
        return os.getpid(), now_s()


def ask(address):
    asked_s = now_s()
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(b"hello")
        return os.getpid(), asked_s, connection.recv(100), now_s()


def test_both_run_apart_talk_to_each_other_and_read_one_clock():
    before_s = now_s()
    (server, answered_s), (client, asked_s, reply, done_s) = asyncio.run(run_both_ends(echo, ask))
    assert reply == b"hello"
    assert len({server, client, os.getpid()}) == 3
    assert before_s < asked_s < done_s < now_s() and asked_s < answered_s
    assert children() == []


def test_what_either_raises_is_raised_here_and_the_other_ends():
    def unwilling(listener):
        raise ValueError("no such till")

    def mistaken(address):
        raise LookupError("no such customer")

    with pytest.raises(ValueError, match="no such till"):
        asyncio.run(run_both_ends(unwilling, ask))
    with pytest.raises(LookupError, match="no such customer"):
        asyncio.run(run_both_ends(echo, mistaken))
    assert children() == []


def test_a_server_that_never_gets_ready_is_given_up():
    def gone(address):
        os._exit(3)

    with pytest.raises(RuntimeError, match="ended without an answer"):
        asyncio.run(run_both_ends(echo, gone))
    with pytest.raises(TimeoutError):
        asyncio.run(run_both_ends(echo, lambda address: None, timeout_s=2))
    assert children() == []
