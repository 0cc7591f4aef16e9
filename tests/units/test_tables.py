"""A table shows what was measured, and a comparison of two runs skips it."""

import re
from pathlib import Path

import pytest

from helpers.course import notebook, tables

HEAD = ["what", "threads", "asyncio"]


@pytest.fixture
def shown(monkeypatch):
    outputs = []
    monkeypatch.setattr(notebook, "show", lambda plain, html: outputs.append((plain, html)))
    return outputs


def masked(text):
    cfg = (Path(__file__).parents[1] / "sanitize.cfg").read_text("utf-8")
    [pattern] = re.findall(r"regex: (.+)", cfg)
    return re.sub(pattern, "[measured][/measured]", text)


def test_the_numbers_are_there_and_are_skipped(shown):
    tables.table(HEAD, {"ten < waits": ["0.21 s", "0.20 s"]})
    tables.table(HEAD, {"ten < waits": ["0.25 s", "0.31 s"]})
    (plain, html), (other_plain, other_html) = shown
    assert "ten < waits | " in plain and "0.21 s | 0.20 s" in plain
    assert "ten &lt; waits" in html and "<td style='text-align:left'>0.21 s</td>" in html
    assert masked(plain) == masked(other_plain) and masked(html) == masked(other_html)
    assert plain != other_plain


def test_other_rows_are_not_the_same(shown):
    tables.table(HEAD, {"a": ["1", "2"]})
    tables.table(HEAD, {"b": ["1", "2"]})
    assert masked(shown[0][0]) != masked(shown[1][0])


def test_a_row_that_does_not_fit_is_refused(shown):
    with pytest.raises(ValueError, match="row 'a' has 1 entries, the head 2"):
        tables.table(HEAD, {"a": ["1"]})
    assert shown == []
