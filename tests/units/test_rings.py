"""The rings: what is drawn and said is what was noted, and odd indices are refused."""

import pytest

from helpers.figures import rings
from helpers.ledger import Ledger

EMPTY = (0, 0, 8, [])


def noted(submission=(0, 3, 4, [1, 2, 3]), completion=EMPTY):
    ledger = Ledger()
    rings.note(ledger, "posted", rings.SUBMISSION, *submission)
    rings.note(ledger, "posted", rings.COMPLETION, *completion)
    return ledger


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_slots_from_head_to_tail_are_full_and_show_their_entries():
    upper, lower = rings.draw({"A": noted()}).axes
    white = (1, 1, 1, 1)
    assert [wedge.get_facecolor() != white for wedge in upper.patches] == [True] * 3 + [False]
    assert [wedge.get_facecolor() != white for wedge in lower.patches] == [False] * 8
    assert {"1", "2", "3", "head", "tail", "head 0\ntail 3"} <= set(texts(upper))
    assert "head, tail" in texts(lower)


def test_indices_go_on_and_slots_come_round():
    upper, _ = rings.draw({"A": noted((6, 9, 4, [7, 8, 9]))}).axes
    full = [wedge.get_facecolor() != (1, 1, 1, 1) for wedge in upper.patches]
    assert full == [True, False, True, True], "slots 2, 3 and 0"


def test_a_full_ring_has_head_and_tail_at_one_place():
    upper, _ = rings.draw({"A": noted((0, 4, 4, [1, 2, 3, 4]))}).axes
    assert all(wedge.get_facecolor() != (1, 1, 1, 1) for wedge in upper.patches)
    assert "head, tail" in texts(upper)


def test_the_words_are_the_same_in_every_run():
    words = rings.describe({"A": noted()})
    assert words.measured == []
    assert words.stable[1] == (
        "posted: the submission ring holds 1, 2, 3 (head 0, tail 3); "
        "the completion ring is empty (head 0, tail 0); no job under way."
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [(0, "3 jobs under way"), (2, "1 job under way"), (3, "no job under way")],
)
def test_what_stands_in_neither_ring_is_counted_from_the_indices(given, said):
    run = noted((3, 3, 4, []), (given, given, 8, []))
    assert said in texts(rings.draw({"A": run}).axes[0])
    assert rings.describe({"A": run}).stable[1].endswith(f"; {said}.")


@pytest.mark.parametrize(
    "indices", [(3, 0, 4, []), (0, 5, 4, [1] * 5), (0, 1, 4, []), (-1, 0, 4, [1])]
)
def test_indices_that_no_ring_has_are_refused(indices):
    with pytest.raises(ValueError, match="not a ring"):
        noted(indices)


def test_another_ring_is_refused():
    with pytest.raises(ValueError, match="ring='third'"):
        rings.note(Ledger(), "posted", "third", 0, 0, 4, [])


def test_one_ring_alone_or_none_is_refused():
    with pytest.raises(ValueError, match="both rings"):
        rings.draw({"A": Ledger()})
    alone = Ledger()
    rings.note(alone, "posted", rings.SUBMISSION, 0, 0, 4, [])
    with pytest.raises(ValueError, match=r"panel 'A'.*both rings"):
        rings.describe({"A": alone})


def test_it_shows_one_run():
    with pytest.raises(ValueError, match="one run"):
        rings.draw({"A": noted(), "B": noted()})
