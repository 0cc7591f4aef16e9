"""A cell over two seconds says that it runs, and for how long; a short one says nothing."""

import queue

import pytest
from kernel import Kernel

BEGIN = "from helpers import lesson\nlesson.begin('10')"


def shown(kernel, code):
    """Return the texts that a cell showed and renewed, in order, until it had ended."""
    id, texts = kernel.send(code), []
    for _ in range(300):
        try:
            message = kernel.client.get_iopub_msg(timeout=0.2)
        except queue.Empty:
            continue
        if message["parent_header"].get("msg_id") != id:
            continue
        if message["msg_type"] in ("display_data", "update_display_data"):
            texts.append(message["content"]["data"]["text/plain"])
        if message["content"].get("execution_state") == "idle":
            break
    return texts


@pytest.mark.parametrize("busy", ["time.sleep(4.2)", "await asyncio.sleep(4.2)"])
def test_a_long_cell_tells_how_long_it_has_been_running_and_takes_the_line_back(busy):
    with Kernel(attended=True) as kernel:
        kernel.run(BEGIN)
        texts = shown(kernel, f"import asyncio, time\n{busy}")
        assert texts[0] == "Running for 2 s. The Stop button ends it."
        assert any(text.startswith("Running for 3 s") for text in texts)
        assert texts[-1] == ""
        assert shown(kernel, "time.sleep(0.1)") == []


def test_with_nobody_at_the_keyboard_there_is_no_line():
    with Kernel() as kernel:
        kernel.run(BEGIN)
        assert shown(kernel, "import time\ntime.sleep(3)") == []


def test_beginning_again_does_not_show_the_line_twice():
    with Kernel(attended=True) as kernel:
        for _ in range(3):
            kernel.run(BEGIN)
        texts = shown(kernel, "import time\ntime.sleep(2.5)")
        assert texts.count("Running for 2 s. The Stop button ends it.") == 1
