"""Lesson 08's tus server under cuts, kills and odd clients: nothing acknowledged is ever lost.

The counts (cuts, kills, bytes lost) are printed; real clients drive it: tuspy, aiotus, and
tus-js-client where Node.js is there.
"""

import asyncio
import contextlib
import io
import itertools
import logging
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import aiotus
import pytest
import requests
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError
from uploads import tus_server

from helpers.servers import serve
from helpers.wire.faults import Faults
from helpers.wire.relay import relay_to

FILE = random.Random(8).randbytes(200_000)
PIECE = 10_000
SPEAKS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}
LIMIT_S = 10

logging.getLogger("aiotus").setLevel(logging.CRITICAL)


@pytest.fixture(scope="module")
def names():
    return tus_server()


@pytest.fixture
def shelf(tmp_path):
    folder = tmp_path / "shelf"
    folder.mkdir()
    return folder


@pytest.fixture
def start(names, shelf):
    """Start the server on the shelf; what is started is closed at the end."""
    started = []

    def start(process=False, **options):
        server = serve(
            "tus", names["tus_routes"](names["Uploads"](shelf, **options)), process=process
        )
        started.append(server)
        return server

    yield start
    for server in started:
        server.close()


def by_tuspy(url, piece=PIECE, data=FILE):
    uploader = TusClient(f"{url}/uploads").uploader(
        file_stream=io.BytesIO(data), chunk_size=piece, retries=500, retry_delay=0.005
    )
    for _ in range(100):  # the making of an upload is not tried again by the client
        with contextlib.suppress(TusCommunicationError, requests.RequestException):
            uploader.upload()
            return uploader.url
    raise AssertionError("never there")


def by_aiotus(url, piece=PIECE, data=FILE):
    patience = aiotus.RetryConfiguration(retry_attempts=5000, max_retry_period_seconds=0)
    upload = aiotus.upload(f"{url}/uploads", io.BytesIO(data), chunksize=piece, config=patience)
    return str(asyncio.run(upload))


def kept(shelf, address):
    return (shelf / address.rpartition("/")[2]).read_bytes()


def acknowledged(line):
    """Return the offsets that the server has named to a client, in the order of the answers."""
    answers = line.tap.joined("<=").decode("latin-1")
    return [int(offset) for offset in re.findall(r"(?i)upload-offset: (\d+)", answers)]


def boundaries(line):
    """Return where in the stream to the server each request begins."""
    stream = line.tap.joined("=>")
    return [match.start() for match in re.finditer(rb"(POST|HEAD|PATCH) /", stream)] + [len(stream)]


@pytest.mark.parametrize("metadata", ["", "filename cGhvdG8="])
def test_whoever_asks_gets_the_metadata_that_the_client_gave(start, metadata):
    speaks = {"Tus-Resumable": "1.0.0"}
    given = {"Upload-Metadata": metadata} if metadata else {}
    url = f"{start().url}/uploads"
    made = requests.post(url, headers=speaks | given | {"Upload-Length": "5"}, timeout=5)
    asked = requests.head(made.headers["Location"], headers=speaks, timeout=5)
    assert asked.headers.get("Upload-Metadata", "") == metadata


@pytest.mark.parametrize("send", [by_tuspy, by_aiotus])
@pytest.mark.parametrize("cut_as", ["end", "reset"])
def test_a_cut_anywhere_loses_nothing_and_doubles_nothing(start, shelf, send, cut_as, say):
    server = start()
    with contextlib.closing(relay_to("whole", server)) as line:
        assert kept(shelf, send(line.url)) == FILE
        line.wait_until_closed()
        edges = boundaries(line)
    assert len(edges) > len(FILE) / PIECE
    chance = random.Random(f"{send.__name__} {cut_as}")
    places = {edge + step for edge in edges for step in (-1, 0, 1) if edge + step > 0}
    places |= {chance.randrange(1, edges[-1]) for _ in range(60)}
    lost = cuts = 0
    for place in sorted(places):
        with contextlib.closing(relay_to("cut", server)) as line:
            cut = Cutting(line, place, cut_as)
            address = send(line.url)
            cut.stop()
            lost += kept(shelf, address) != FILE
            offsets = acknowledged(line)
            # What was acknowledged is never less afterwards, and ends with all.
            assert offsets == sorted(offsets) and offsets[-1] == len(FILE)
            cuts += cut.happened
    say(f"{send.__name__}, {cut_as}: {len(places)} places, {cuts} cuts, {lost} uploads damaged")
    assert lost == 0
    assert cuts >= len(places) * 0.9


class Cutting:
    """Cut the stream to the server at a place, counted over all connections; once."""

    def __init__(self, line, place, cut_as):
        self.line, self.place, self.cut_as = line, place, cut_as
        self._flows = line.tap.flows
        line.to_server = Faults(cut_after=place, cut_as=cut_as)
        self._done = False
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def happened(self):
        return any("cut" in event.text for event in self.line.tap.events)

    def _watch(self):
        while not self._done:
            passed = sum(f.passed for (_, way), f in list(self._flows.items()) if way == "=>")
            if self.happened or passed >= self.place:
                self.line.to_server = Faults()
                return
            # A new connection begins to count anew: give it what is left.
            self.line.to_server = Faults(cut_after=max(1, self.place - passed), cut_as=self.cut_as)
            time.sleep(0.0005)

    def stop(self):
        self._done = True
        self._thread.join(5)


@pytest.mark.parametrize("send", [by_tuspy, by_aiotus])
def test_a_server_killed_in_the_middle_of_writing_has_all_it_acknowledged(start, shelf, send, say):
    chance, kills, lost = random.Random(send.__name__), 0, 0
    for _ in range(12):
        server = start(process=True)
        slow = Faults(bytes_per_s=600_000)
        with contextlib.closing(relay_to("line", server, to_server=slow)) as line:
            box = []
            sending = threading.Thread(
                target=lambda box=box, line=line: box.append(send(line.url)), daemon=True
            )
            before = set(shelf.iterdir())
            sending.start()
            until = chance.randrange(1, len(FILE))
            grown_to(shelf, before, until)
            os.kill(server.pid, signal.SIGKILL)
            kills += 1
            named = acknowledged(line)
            [file] = [p for p in set(shelf.iterdir()) - before if p.suffix != ".json"]
            lost += max(0, max(named, default=0) - file.stat().st_size)
            line.retarget(start(process=True))
            sending.join(30)
            assert box and kept(shelf, box[0]) == FILE
    say(f"{send.__name__}: {kills} kills, {lost} acknowledged bytes lost")
    assert lost == 0


def grown_to(shelf, before, size):
    """Wait until a new upload has so many bytes."""
    for _ in range(4000):
        new = [p for p in set(shelf.iterdir()) - before if p.suffix != ".json"]
        if new and new[0].stat().st_size >= size:
            return
        time.sleep(0.001)
    raise AssertionError("it never grew")


# --- odd clients


def created(server, length=10, **headers):
    answer = requests.post(
        f"{server.url}/uploads",
        headers=SPEAKS | {"Upload-Length": str(length)} | headers,
        timeout=LIMIT_S,
    )
    return answer.headers["Location"]


def patched(address, data, offset, **headers):
    named = SPEAKS | {"Upload-Offset": str(offset)}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.patch(address, data=data, headers=named, timeout=LIMIT_S)


def test_two_writers_at_once_are_told_apart(start, shelf):
    server = start()
    address = created(server, 1000)
    host, port = server.host, server.port
    path = address.removeprefix(server.url)
    with socket.create_connection((host, port), timeout=LIMIT_S) as first:
        head = [
            f"PATCH {path} HTTP/1.1",
            f"Host: {host}",
            "Content-Length: 1000",
            "Upload-Offset: 0",
        ]
        head += [f"{name}: {value}" for name, value in SPEAKS.items()]
        first.sendall(("\r\n".join(head) + "\r\n\r\n").encode() + b"a" * 100)
        for _ in range(500):
            if kept(shelf, address) == b"a" * 100:
                break
            time.sleep(0.01)
        assert patched(address, b"b" * 900, 100).status_code == 423
        first.sendall(b"a" * 900)
        assert first.recv(1000).startswith(b"HTTP/1.1 204")
    assert kept(shelf, address) == b"a" * 1000


def test_a_lying_length_keeps_no_byte_too_many(start, shelf):
    address = created(start(), 10)
    assert patched(address, b"x" * 5000, 0).status_code == 413
    assert len(kept(shelf, address)) <= 10
    address = created(start(), 10)
    checksum = {"Upload_Checksum": "sha1 " + "A" * 27 + "="}
    assert patched(address, b"x" * 5000, 0, **checksum).status_code == 413
    assert kept(shelf, address) == b""


def test_a_wrong_offset_and_a_wrong_checksum_change_nothing(start, shelf):
    address = created(start(), 10)
    assert patched(address, b"hello", 0).status_code == 204
    for offset in (0, 4, 6, 10, 11):
        assert patched(address, b"world", offset).status_code == 409
    assert patched(address, b"world", 5, Upload_Checksum="sha1 AAAA").status_code == 460
    assert patched(address, b"world", 5, Upload_Checksum="md5 AAAA").status_code == 400
    assert patched(address, b"world", "many").status_code == 400
    assert kept(shelf, address) == b"hello"


@pytest.mark.parametrize(
    "name",
    ["../../outside", "..%2F..%2Foutside", "/etc/passwd", "0" * 31, "0" * 32, "%00", "x" * 999],
)
def test_a_name_is_never_a_path(start, shelf, name):
    server = start()
    outside = shelf.parent / "outside"
    outside.write_text("mine")
    for method in ("HEAD", "PATCH", "DELETE"):
        answer = requests.request(
            method,
            f"{server.url}/uploads/{name}",
            headers=SPEAKS | {"Upload-Offset": "0"},
            timeout=LIMIT_S,
        )
        assert answer.status_code in (400, 404, 405)
    assert outside.read_text() == "mine"


def test_the_clients_file_name_is_only_kept_in_a_note(start, shelf):
    server = start()
    created(server, 10, **{"Upload-Metadata": "filename Li4vLi4vb3V0c2lkZQ=="})
    assert len(list(shelf.iterdir())) == 2
    assert not (shelf.parent / "outside").exists()


def test_over_the_limit_is_refused_before_a_byte_comes(start, shelf):
    server = start(most_bytes=1000)
    headers = SPEAKS | {"Upload-Length": "1001"}
    answer = requests.post(f"{server.url}/uploads", headers=headers, timeout=LIMIT_S)
    assert answer.status_code == 413
    assert list(shelf.iterdir()) == []


def test_an_expired_upload_is_gone_and_its_bytes_with_it(start, shelf):
    server = start(keep_s=0.2)
    address = created(server, 10)
    time.sleep(0.3)
    assert requests.head(address, headers=SPEAKS, timeout=LIMIT_S).status_code == 410
    assert list(shelf.iterdir()) == []


def test_an_upload_given_up_is_gone(start, shelf):
    address = created(start(), 10)
    assert requests.delete(address, headers=SPEAKS, timeout=LIMIT_S).status_code == 204
    assert requests.head(address, headers=SPEAKS, timeout=LIMIT_S).status_code == 404
    assert list(shelf.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_disk_that_takes_nothing_is_said_to_be_full(start, shelf):
    address = created(start(), 10)
    file = shelf / address.rpartition("/")[2]
    file.unlink()
    file.symlink_to("/dev/full")
    assert patched(address, b"hello", 0).status_code == 507


def test_a_disk_that_becomes_full_keeps_what_fitted_and_the_upload_goes_on_later(names, shelf):
    resource = pytest.importorskip("resource")
    web = names["web"]

    async def limit(request):
        import resource

        most = int(request.query["bytes"])
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most if most >= 0 else hard, hard))
        return web.Response(text="ok")

    routes = [*names["tus_routes"](names["Uploads"](shelf)), web.get("/limit", limit)]
    server = serve("tus", routes, process=True)
    try:
        assert resource
        address = created(server, 10_000)
        requests.get(f"{server.url}/limit?bytes=4000", timeout=LIMIT_S)
        assert patched(address, b"x" * 10_000, 0).status_code == 507
        offset = int(
            requests.head(address, headers=SPEAKS, timeout=LIMIT_S).headers["Upload-Offset"]
        )
        assert offset == 4000 and kept(shelf, address) == b"x" * 4000
        requests.get(f"{server.url}/limit?bytes=-1", timeout=LIMIT_S)
        assert patched(address, b"x" * 6000, 4000).status_code == 204
        assert kept(shelf, address) == b"x" * 10_000
    finally:
        server.close()


def test_a_piece_damaged_on_its_way_is_noticed_by_tuspy_with_checksums(start, shelf):
    server = start()
    uploader = TusClient(f"{server.url}/uploads").uploader(
        file_stream=io.BytesIO(FILE), chunk_size=50_000, upload_checksum=True
    )
    uploader.upload()
    assert kept(shelf, uploader.url) == FILE


# --- a third client, in another language


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory):
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("Node.js is not here")
    folder = tmp_path_factory.mktemp("node")
    install = ["npm", "install", "--no-package-lock", "--silent", "tus-js-client@4.3.1"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True, timeout=180)
    if done.returncode:
        pytest.skip(f"npm cannot install the client: {done.stderr.strip()[-200:]}")
    return folder


UPLOAD_JS = """
const tus = require('tus-js-client');
const fs = require('fs');
const [url, path] = process.argv.slice(2);
const upload = new tus.Upload(fs.createReadStream(path), {
  endpoint: url, chunkSize: 50000, uploadSize: fs.statSync(path).size,
  retryDelays: Array(50).fill(20), metadata: {filename: 'a photo'},
  onError: (error) => { console.error(String(error)); process.exit(1); },
  onSuccess: () => { console.log(upload.url); },
});
upload.start();
"""


def test_tus_js_client_brings_a_file_through_a_cut(start, shelf, node_modules, say):
    (node_modules / "up.js").write_text(UPLOAD_JS)
    (node_modules / "file").write_bytes(FILE)
    server, done = start(), 0
    for place in itertools.chain((1_000, 60_000, 120_400), (150_000,)):
        with contextlib.closing(relay_to("cut", server)) as line:
            cut = Cutting(line, place, "reset")
            command = ["node", "up.js", f"{line.url}/uploads", "file"]
            ran = subprocess.run(
                command, cwd=node_modules, capture_output=True, text=True, timeout=60
            )
            cut.stop()
            assert ran.returncode == 0, ran.stderr
            assert kept(shelf, ran.stdout.strip()) == FILE
            done += cut.happened
    say(f"tus-js-client: {done} cuts, 0 bytes lost")
    assert done >= 3
