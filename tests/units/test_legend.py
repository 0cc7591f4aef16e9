"""The legend shows what the timeline draws: every kind of it, in its own look."""

from matplotlib.colors import to_hex

from helpers.figures import legend, waterfall
from helpers.figures.style import LOOKS

# What passes a relay is drawn as an arrow, a stage of parsing in the figure of stages.
ARROWS = {"sent", "received", "parsing"}


def test_every_kind_has_its_meaning_or_is_drawn_in_another_figure():
    assert set(legend.MEANINGS) <= set(LOOKS)
    assert set(LOOKS) - set(legend.MEANINGS) <= {*waterfall.PHASES, *ARROWS}


def test_bars_have_the_colours_and_hatches_of_their_kinds():
    [ax] = legend.draw({}).axes
    drawn = [(to_hex(bar.get_facecolor()[0]), bar.get_hatch() or "") for bar in ax.collections]
    looks = [LOOKS[kind] for kind in legend.MEANINGS]
    assert drawn == [(look.face.lower(), look.hatch) for look in looks]


def test_picture_and_words_say_the_same():
    [ax] = legend.draw({}).axes
    written = {text.get_text() for text in ax.texts}
    words = legend.describe({}).plain()
    for key, meaning in {**legend.MEANINGS, **legend.MARKS}.items():
        word = LOOKS[key].word if key in LOOKS else key
        assert {word, meaning} <= written
        assert word in words
        assert meaning in words


def test_no_text_reaches_into_the_next_column():
    figure = legend.draw({})
    [ax] = figure.axes
    figure.canvas.draw()
    to_data = ax.transData.inverted()
    for text in ax.texts:
        box = text.get_window_extent().transformed(to_data)
        assert int(box.x1) == int(box.x0), text.get_text()
