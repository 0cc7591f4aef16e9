"""A broker killed at ten random moments: what was confirmed and on disk is never lost.

Plan: the cells of lesson 15 publish, kill and start the broker again; here they do so over
and over in one kernel, each time after a random pause. The counts are printed.
"""

import json
import os
import random
from pathlib import Path

import pages
import pytest
import rules
from kernel import Kernel

from helpers.course.needs import missing

BOOKS = pages.lessons(Path(__file__).resolve().parents[2])
KILLS = 10
ONE_KILL = """
import json
ledger = await kill_the_broker(after_s={after_s!r})
counts = {{}}
for mark in ledger.marks():
    if mark.lane in WAYS_TO_SEND:
        key = f"{{' '.join(mark.lane.split())}}: {{mark.kind}}, {{mark.label}}"
        counts[key] = counts.get(key, 0) + 1
print(json.dumps(counts))
"""
SAFE = "persistent, durable queue"
UNSAFE = ("transient, durable queue", "persistent, queue not durable")


@pytest.mark.skipif(
    bool(missing(["rabbitmq"])) and not os.environ.get("CI"), reason="RabbitMQ is missing"
)
def test_no_confirmed_persistent_message_is_lost_in_ten_kills_and_every_other_is(say):
    [path] = [path for path in BOOKS if path.stem.startswith("15")]
    setup = [c.source for c in rules.code_cells(BOOKS[path]) if "setup" in rules.tags(c)]
    moments, total = random.Random(), {}
    with Kernel() as kernel:
        replies = kernel.run_all(setup)
        assert [reply.error for reply in replies if reply.status != "ok"] == []
        for _ in range(KILLS):
            reply = kernel.run(ONE_KILL.format(after_s=moments.uniform(0, 0.6)), timeout_s=90)
            assert reply.status == "ok", reply.error
            for key, count in json.loads(reply.text.splitlines()[-1]).items():
                total[key] = total.get(key, 0) + count
        kernel.run("lesson.close()")
    say(f"after {KILLS} kills of the broker (right and wrong: confirmed; noticed: not):")
    for key, count in sorted(total.items()):
        say(f"  {count:5d}  {key}")
    assert total[f"{SAFE}: right, there"] > 10 * KILLS
    assert f"{SAFE}: wrong, not there" not in total
    for way in UNSAFE:
        assert f"{way}: right, there" not in total
        assert total[f"{way}: wrong, not there"] > 10 * KILLS
