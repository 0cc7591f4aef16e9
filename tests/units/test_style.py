"""The one look: kinds told apart without colour, numbers that read well, words that fold."""

import re
import threading
from itertools import combinations

import matplotlib
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from helpers.figures import style
from helpers.figures.style import LOOKS, Words
from helpers.ledger import KINDS

# The same thing seen by a client and by a relay: bytes on their way there, and back.
SAME_LOOK = {("send", "sent"), ("receive", "received")}


def test_no_two_kinds_have_the_same_word_or_look_the_same_unless_they_mean_the_same():
    assert len({kind.word for kind in LOOKS.values()}) == len(LOOKS)
    alike = {
        (a, b)
        for (a, one), (b, other) in combinations(LOOKS.items(), 2)
        if (one.face.lower(), one.hatch) == (other.face.lower(), other.hatch)
    }
    assert alike == SAME_LOOK


def test_only_kinds_of_the_ledger_have_a_look():
    assert set(LOOKS) <= set(KINDS)


@pytest.mark.parametrize("lane", [("blocked", "free", "queued", "error"), ("asleep", "running")])
def test_kinds_that_share_a_lane_are_told_apart_without_colour(lane):
    def lightness(kind):
        red, green, blue = (kind.alpha * part + 1 - kind.alpha for part in to_rgb(kind.face))
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    for a, b in combinations([LOOKS[name] for name in lane], 2):
        assert a.hatch != b.hatch or abs(lightness(a) - lightness(b)) > 0.2, (a.word, b.word)


def test_one_is_singular_and_all_else_plural():
    assert [style.count(n, "request") for n in (0, 1, 2)] == [
        "0 requests",
        "1 request",
        "2 requests",
    ]


def test_words_put_what_was_measured_between_markers_in_text_and_in_html():
    words = Words("a < b", ["It goes <on>."], ["It took 3 ms."])
    start, end = style.MEASURED
    assert words.plain() == f"Figure: a < b\nIt goes <on>.\n{start}\nIt took 3 ms.\n{end}"
    markers = f"<!--{re.escape(start)}-->(.*)<!--{re.escape(end)}-->"
    [measured] = re.findall(markers, words.html())
    assert measured == "<p>It took 3 ms.</p>"
    assert "It goes &lt;on&gt;." in words.html()
    assert words.html().startswith("<details><summary>This figure in words</summary>")


def test_a_new_figure_has_one_ground_one_axis_and_no_box():
    figure, axes = style.new_figure(3, 4.0)
    assert isinstance(figure, Figure)
    assert len(axes) == 3
    assert list(figure.get_size_inches()) == [style.WIDTH_IN, 4.0]
    axes[0].set_xlim(1, 2)
    for ax in axes:
        assert ax.get_xlim() == (1, 2)
        assert not any(ax.spines[side].get_visible() for side in ("top", "right", "left"))


def test_figures_drawn_in_several_threads_at_once_are_equal_and_leave_the_settings_alone(
    another_thread,
):
    before, pictures, start = dict(matplotlib.rcParams), [], threading.Barrier(4)

    def draw():
        start.wait(10)
        for _ in range(3):
            figure, [ax] = style.new_figure(1, 2.0)
            ax.barh([1], [1], hatch="///")
            style.head(ax, "claim", "facts")
            pictures.append(style.png(figure))

    for thread in [another_thread(draw) for _ in range(4)]:
        thread.join(60)
    assert len(pictures) == 12
    assert len(set(pictures)) == 1
    assert pictures[0].startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == before
