"""What every unit test starts from and leaves behind."""

import gc
import os
import threading

import pytest

from helpers import lesson, servers
from helpers.kernel import threads


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "needs_linux: reads /proc; skipped where there is none, but never in CI"
    )


def pytest_runtest_setup(item):
    missing = item.get_closest_marker("needs_linux") and not threads.HAS_PROC
    if missing and not os.environ.get("CI"):
        pytest.skip(threads.LIMITS["linux"])


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch):
    """Close what a test has started, and forget the lesson it has begun."""
    monkeypatch.setattr(lesson, "_state", lesson._State())
    yield
    servers.close_all()
    gc.unfreeze()


@pytest.fixture
def another_thread():
    """Start functions in threads; at the end all must have ended, and none by an exception."""
    started, raised = [], []

    def start(function, *args):
        def run():
            try:
                function(*args)
            except BaseException as error:
                raised.append(error)

        thread = threading.Thread(target=run, daemon=True)
        started.append(thread)
        thread.start()
        return thread

    yield start
    for thread in started:
        thread.join(10)
    assert not any(thread.is_alive() for thread in started)
    assert raised == []
