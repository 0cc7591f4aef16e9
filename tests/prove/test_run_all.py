"""What nbval, which sends one cell at a time, cannot see: Run All, twice, Stop, restart."""

import ipaddress
import threading
import time
from pathlib import Path

import listeners
import pages
import psutil
import pytest
import rules
from kernel import Kernel, datagram_sockets, listening
from listeners import Listener

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
every_lesson = pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
# Not a loopback address, yet out of reach from outside: by lesson, which address, and why.
HELD_TO_LOOPBACK = {
    "02": {"0.0.0.0": "shows that a more specific listener wins against the wildcard"},
}

# Run each panel, then once more with its sliders at their least; print what went wrong each
# time, and whether there are figures.
PANELS_TWICE = """
import time
from helpers import explore
alerts, pictures = [], []
for panel in list(explore._panels):
    for round in range(2):
        panel.want(0.0)
        while panel._worker:
            time.sleep(0.05)
        alerts.append(panel._alert)
        for slider in panel._sliders.values():
            if hasattr(slider, "min"):
                slider.value = slider.min
    pictures.append(bool(panel._image.value))
    panel.close()
print(alerts, pictures)
"""


def sources(path: Path) -> list[str]:
    return [cell.source for cell in rules.code_cells(BOOKS[path])]


@every_lesson
def test_run_all_queued_brings_every_cell_back_and_the_panels_play_on(path):
    with Kernel(attended=True) as kernel:
        replies = kernel.run_all(sources(path))
        assert [reply.status for reply in replies] == ["ok"] * len(replies)
        shown = {claim: o for reply in replies for claim, o in reply.verdicts.items()}
        assert shown == {claim: o for claim, (o, _) in rules.verdicts(BOOKS[path]).items()}
        assert sum(reply.pictures for reply in replies) > 0
        if panels := sum("explore" in rules.tags(cell) for cell in rules.code_cells(BOOKS[path])):
            # After the last cell they still run, and draw the run before behind.
            said = kernel.run(PANELS_TWICE, timeout_s=90)
            assert f"{[''] * 2 * panels} {[True] * panels}" in said.text, said.error


def test_there_are_panels_to_run():
    tags = [rules.tags(cell) for book in BOOKS.values() for cell in rules.code_cells(book)]
    assert sum("explore" in some for some in tags) >= 10


@every_lesson
def test_every_cell_twice_in_a_row_gives_the_same_verdicts_and_works_after_the_last_one(path):
    """Or it says in one line what it needs: the last cell has stopped the servers."""
    with Kernel() as kernel:
        twice = [code for code in sources(path) for _ in range(2)]
        replies = kernel.run_all(twice, timeout_s=300)
        assert [reply.error for reply in replies if reply.status != "ok"] == []
        for first, second in zip(replies[::2], replies[1::2], strict=True):
            assert first.verdicts == second.verdicts
        shown = {claim: o for reply in replies for claim, o in reply.verdicts.items()}
        assert shown == {claim: o for claim, (o, _) in rules.verdicts(BOOKS[path]).items()}
        again = kernel.run_all(sources(path))
    cells = rules.code_cells(BOOKS[path])
    wrong = [(cell.id, reply.wrong) for cell, reply in zip(cells, again, strict=True)]
    assert [(cell, what) for cell, what in wrong if what] == []


def beyond_loopback(found: list[Listener], lesson: str) -> list[Listener]:
    """Return the listeners that a lesson may not have."""
    held = HELD_TO_LOOPBACK.get(lesson, {})
    return [
        one
        for one in found
        # The last is 127.0.0.1, too, as a socket for both kinds of address has it.
        if one.address not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")
        and not (one.address in held and one.device == "lo")
    ]


def reachable(found: set[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return the UDP sockets that another machine can send to: there is no listen in UDP."""
    return [one for one in found if not ipaddress.ip_address(one[0]).is_loopback]


def test_a_udp_socket_within_reach_of_other_machines_is_noticed():
    hold = "import socket\nheld = socket.socket(type=socket.SOCK_DGRAM)\nheld.bind(('{}', 0))"
    with Kernel() as kernel:
        assert reachable(datagram_sockets(kernel.process)) == []
        assert kernel.run(hold.format("127.0.0.1")).status == "ok"
        assert reachable(datagram_sockets(kernel.process)) == []
        assert len(datagram_sockets(kernel.process)) == 1
        assert kernel.run(hold.format("0.0.0.0")).status == "ok"
        assert [address for address, _ in reachable(datagram_sockets(kernel.process))] == [
            "0.0.0.0"
        ]


@pytest.mark.parametrize(
    ("address", "device", "lesson", "refused"),
    [
        ("127.0.0.1", "", "10", False),
        ("0.0.0.0", "lo", "02", False),
        ("0.0.0.0", "", "02", True),
        ("0.0.0.0", None, "02", True),
        ("0.0.0.0", "lo", "10", True),
        ("::", "lo", "02", True),
        ("192.0.2.1", "lo", "02", True),
    ],
)
def test_what_listens_beyond_loopback_is_noticed(address, device, lesson, refused):
    found = [Listener(address, 1, 1, device)]
    assert beyond_loopback(found, lesson) == (found if refused else [])


def test_every_exception_is_needed_and_its_listener_held_to_the_loopback_device():
    assert set(HELD_TO_LOOPBACK) == {"02"}
    [path] = [path for path in BOOKS if path.stem.startswith("02")]
    cells = rules.code_cells(BOOKS[path])
    wanted = [
        c.source for c in cells if {"setup"} & rules.tags(c) or "def two_listeners(" in c.source
    ]
    hold = "wildcard, specific, port = two_listeners()\nprint(port)"
    with Kernel() as kernel:
        replies = kernel.run_all([*wanted, hold])
        assert [reply.error for reply in replies if reply.status != "ok"] == []
        port = int(replies[-1].text)
        found = [one for one in listeners.listening(kernel.process) if one.port == port]
    assert {(one.address, one.device) for one in found} == {("0.0.0.0", "lo"), ("127.0.0.1", "")}


@every_lesson
def test_nothing_listens_beyond_loopback_and_restart_leaves_nothing(path):
    with Kernel() as kernel:
        before = listening(kernel.process)
        seen, outside, done = set(), [], threading.Event()

        def look():
            while not done.wait(0.05):
                found = listeners.listening(kernel.process)
                seen.update((one.address, one.port) for one in found)
                outside.extend(beyond_loopback(found, path.stem[:2]))
                outside.extend(reachable(datagram_sockets(kernel.process)))

        looking = threading.Thread(target=look)
        looking.start()
        replies = kernel.run_all([c for c in sources(path) if "lesson.close()" not in c])
        done.set()
        looking.join()
        assert all(reply.status == "ok" for reply in replies)
        assert seen - before, "the lesson's servers were not seen at all"
        assert outside == []
        family = [kernel.process, *kernel.process.children(recursive=True)]
        servers = seen - before
        kernel.restart()
        assert not servers & listening(kernel.process)
        assert not psutil.wait_procs(family, timeout=5)[1]


def test_an_experiment_stopped_in_the_middle_leaves_the_next_one_sound():
    path = next(path for path in BOOKS if path.name.startswith("10"))
    setup = [c.source for c in rules.code_cells(BOOKS[path]) if "setup" in rules.tags(c)]
    slow = (
        "async with record(server) as ledger:\n"
        "    for n in range(100):\n"
        "        with ledger.span('requests', 'request', str(n)):\n"
        "            client.get(server.url)"
    )
    with Kernel(attended=True) as kernel:
        assert all(reply.status == "ok" for reply in kernel.run_all(setup))
        id = kernel.send(slow)
        time.sleep(1.5)
        kernel.interrupt()
        [reply] = kernel.gather([id], 10)
        assert reply.status == "error"
        again = kernel.run(slow.replace("100", "3") + "\nprint(len(ledger.spans('server')))")
        assert again.text.strip() == "3"
        state = "import gc, time, socket\nprint(gc.isenabled(), time.sleep.__name__,"
        state += " 'recv' in vars(socket.socket), asyncio.get_running_loop()._selector.select)"
        assert kernel.run(state).text.startswith("True sleep False <bound method")
