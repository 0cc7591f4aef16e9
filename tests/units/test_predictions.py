"""What is typed into the field is the prediction, at every moment, as a person types it."""

import pytest

from helpers.course import predictions
from helpers.course.predictions import Field, parse_guesses, predict
from helpers.figures.prediction import Prediction


@pytest.mark.parametrize(
    ("text", "unit", "guesses"),
    [
        ("0.7", "s", [0.7]),
        ("0,6", "s", [0.6]),
        ("0.2 1 1 3", "s", [0.2, 1, 1, 3]),
        ("0,2 0,5 1", "s", [0.2, 0.5, 1]),
        ("1, 2, 3", "s", [1, 2, 3]),
        ("1; 2;3", "s", [1, 2, 3]),
        ("  .5 ", "s", [0.5]),
        ("5000", "s", [5000]),
        ("0,123", "s", [0.123]),
        ("0", "s", [0]),
        ("1e-3", "s", [0.001]),
        ("200 ms", "s", [0.2]),
        ("200ms 0.3 s", "s", [0.2, 0.3]),
        ("0.1 s", "ms", [100]),
        ("50 %", "%", [50]),
        ("50%", "%", [50]),
        ("100", "%", [100]),
        ("13 segments", "segments", [13]),
    ],
)
def test_a_guess_is_read_as_people_write_it(text, unit, guesses):
    assert parse_guesses(text, unit) == pytest.approx(guesses)


@pytest.mark.parametrize(
    ("text", "unit", "said"),
    [
        ("", "s", "No guess yet. Type a number, such as 0.2 s."),
        ("soon", "s", "'soon' is not a number of s. Type a number, such as 0.2 s."),
        ("5,000", "s", "'5,000' can be read in two ways: write 5000, or write a point."),
        ("1,2,3", "s", "Put a blank between the numbers of '1,2,3', such as 0.2 s."),
        ("300", "%", "300 is out of range: a guess lies between 0 and 100 %."),
        ("-1", "s", "-1 is out of range: a guess lies between 0 and a thousand million s."),
        ("nan", "s", "'nan' is not a number of s. Type a number, such as 0.2 s."),
        ("many", "%", "'many' is not a number of %. Type a number, such as 30 %."),
        ("3 s", "segments", "'s' is not a number of segments. Type a number, such as 3 segments."),
        ("1e99", "s", "1e+99 is out of range: a guess lies between 0 and a thousand million s."),
    ],
)
def test_what_cannot_be_read_is_said_with_an_example_in_the_fields_unit(text, unit, said):
    with pytest.raises(ValueError) as raised:
        parse_guesses(text, unit)
    assert str(raised.value) == said


@pytest.fixture
def field():
    return Field(Prediction("How long?", "s", [1.0]), 1.0)


def test_whatever_stands_in_the_field_is_the_prediction(field):
    for typed in ("0", "0.", "0.7"):
        field.text.value = typed
    assert (field.prediction.guesses, field.prediction.asked) == ([0.7], True)
    assert "✔ Your guess: 0.7 s. It will be drawn into the figure, dashed." in field.status.value
    field.text.value = "0.8"
    assert field.prediction.guesses == [0.8]


def test_an_unreadable_or_emptied_field_falls_back_to_the_possible_guess_and_says_so(field):
    field.text.value = "0.7"
    field.text.value = "soon"
    assert (field.prediction.guesses, field.prediction.asked) == ([1.0], False)
    assert "✕ &#x27;soon&#x27; is not a number" in field.status.value
    field.text.value = ""
    assert "No guess yet" in field.status.value and "✕" not in field.status.value


def test_a_second_guess_after_the_run_says_that_the_cell_must_run_again(field):
    field.text.value = "0.7"
    field.prediction.note_drawn()
    field.text.value = "0.8"
    assert "Run the experiment's cell again" in html_of(field)
    field.prediction.note_drawn()
    assert "Your guess: 0.8 s. The figure shows it, dashed." in html_of(field)


def test_once_drawn_the_field_says_so_whatever_stands_in_it(field):
    field.text.value = "0.7"
    assert "It will be drawn" in html_of(field)
    field.prediction.note_drawn()
    assert "The figure shows it" in html_of(field) and "will be" not in html_of(field)
    field.text.value = ""
    field.prediction.note_drawn()
    assert "The figure shows one possible guess: 1 s." in html_of(field)
    untouched = Field(Prediction("How long?", "s", [1.0]), 1.0)
    untouched.prediction.note_drawn()
    assert "No guess yet" in html_of(untouched) and "one possible guess" in html_of(untouched)


def html_of(field):
    return field.status.value.replace("&#x27;", "'")


def test_the_strip_of_a_rooms_guesses_goes_when_one_guess_stands_there(field):
    field.text.value = "1 2 2"
    assert field.dots.layout.display == "block" and field.dots.value[:4] == b"\x89PNG"
    assert "The room's 3 guesses: the middle one 2 s" in html_of(field)
    field.text.value = "1"
    assert field.dots.layout.display == "none"


def test_what_was_guessed_stays_when_the_cell_runs_again(field, monkeypatch):
    field.text.value = "0.7"
    again = Field(field.prediction, 1.0)
    assert again.text.value == "0.7" and again.prediction.guesses == [0.7]


def test_unattended_one_possible_guess_stands_in(capsys):
    kept = {}
    first = predict("How long?", possible=0.25, lane="heartbeat", kept=kept)
    assert (first.guesses, first.asked, first.lane) == ([0.25], False, "heartbeat")
    assert capsys.readouterr().out == "How long?\nOne possible guess: 0.25 s.\n"
    assert predict("How long?", possible=0.25, kept=kept) is first
    assert predictions.Prediction is Prediction
