"""The page of the notes: every line is there, in order, and each word is a stored verdict's."""

import base64
import copy
import io
import json
import re
from collections import Counter
from pathlib import Path

import learner_notes
import nbformat
import pages
import pytest
import revisited
import rules
import stored_outputs
from PIL import Image

from helpers.course.claims import DOES_NOT_HOLD, FRAMING, HOLDS, IN_PART, claims

ROOT = Path(__file__).resolve().parents[2]
DATA = learner_notes.notes()
PATH = ROOT / "notebooks" / DATA["file"]
PAGE = nbformat.read(PATH, 4)
BOOKS = pages.lessons(ROOT)
PICTURE = f"({revisited.FOLDER}/"
LESSONS = learner_notes.read_lessons(BOOKS)
LINES = [line for part in DATA["part"] for line in part.lines]
NOTES = (ROOT / "tests/data/notes.txt").read_text("utf-8")


def without_blanks(lines: list[str]) -> str:
    return "".join("".join(lines).split())


def table(cell) -> list[list[str]]:
    """Return the rows of the table in a part of the page, each as its three columns."""
    rows = [line for line in cell.source.splitlines() if line.startswith(("| “", "| *"))]
    return [re.split(r"(?<!\\) ?\| ?", row)[1:4] for row in rows]


PARTS = [cell for cell in PAGE.cells if cell.id.startswith("part-")]
ROWS = [row for cell in PARTS for row in table(cell)]


def rows_of(claim: str) -> list[list[str]]:
    says = revisited.in_cell(claims()[claim].says)
    return [row for row in ROWS if row[0].rpartition("<br>")[2] == f"“{says}”"]


# --- the notes


def test_every_line_of_the_notes_is_in_the_data_word_for_word_and_in_order():
    wanted = [line for line in NOTES.splitlines() if line.strip()]
    found = []
    for part in DATA["part"]:
        found += [part.heading] if part.heading else []
        found += [line for entry in part.lines for line in entry.notes]
    assert len(wanted) > 70
    assert without_blanks(found) == without_blanks(wanted)  # an entry may be half a line


def test_every_claim_comes_from_a_line_and_every_line_claims_something_or_is_answered():
    claimed = [claim for line in LINES for claim in line.claims]
    assert set(claimed) == set(claims())
    for line in LINES:
        assert bool(line.notes) != bool(line.aside), line
        assert line.claims or (line.says and line.reply), line
        if line.reply:
            assert {claims()[claim].rating for claim in line.claims} <= {FRAMING}


# --- the page


def test_the_page_holds_a_row_for_each_line_in_their_order():
    wanted = []
    for line in LINES:
        words = [line.says] if line.says else [claims()[claim].says for claim in line.claims]
        aside = f"*{revisited.in_cell(line.aside)}*<br>" if line.aside else ""
        wanted += [f"{aside}“{revisited.in_cell(text)}”" for text in words]
    assert len(wanted) > 50
    assert [row[0] for row in ROWS] == wanted


def stored_words(claim: str, number: str) -> list[str]:
    """Return the words of the verdicts on a claim, read from the text of a lesson's file."""
    [path] = ROOT.glob(f"notebooks/{number}_*.ipynb")
    says = json.dumps(f"“{claims()[claim].says}”\n", ensure_ascii=False)[1:-1]
    return re.findall(rf'"Verdict: ([a-z ]+)\\n",\s+"{re.escape(says)}",', path.read_text("utf-8"))


@pytest.mark.parametrize("claim", [id for id, c in claims().items() if c.rating != FRAMING])
def test_a_claims_words_on_the_page_are_those_of_its_stored_verdicts(claim):
    told = rows_of(claim)[0][1]
    for number in claims()[claim].lessons:
        if number not in LESSONS:
            assert f"**{learner_notes.OPEN}**: lesson {number} is still to come" in told
            continue
        [word] = stored_words(claim, number)
        assert f"{revisited.SIGNS[word]} **{word}** · [{number} " in told
    assert len(re.findall(r"\*\*", told)) == 2 * len(claims()[claim].lessons)


def test_the_count_at_the_top_is_that_of_the_rows():
    head = PAGE.cells[0].source
    asked = [claim for claim in claims().values() if claim.rating != FRAMING]
    count = Counter(learner_notes.word(claim, LESSONS) for claim in asked)
    numbers = [int(n) for n in re.findall(r"\d+", head.split("> **")[1].split("**")[0])]
    assert numbers[0] == sum(count.values()) == len(asked) == 47
    assert numbers[1:] == [count[word] for word in list(revisited.MEANS)[:4]]
    assert (learner_notes.OPEN in head) == bool(count[learner_notes.OPEN])
    signs = "".join(re.findall(r"(?m)^\| [^|]+ \| ([●◐○◆◌ ]+) \|$", head)).replace(" ", "")
    assert Counter(signs) == {revisited.SIGNS[word]: n for word, n in count.items() if n}


def test_links_lead_to_a_cell_of_a_lesson_and_pictures_are_there_small_with_their_words():
    cells = {path.name: {cell.id for cell in book.cells} for path, book in BOOKS.items()}
    links, pictures = 0, set()
    for cell in PARTS:
        for name, id in re.findall(r"\]\(([\w.]+)#cell-id=([\w-]+)\)", cell.source):
            assert id in cells[name], (name, id)
            links += 1
        used = re.findall(r"!\[([^\]]*)\]\(thumbnails/([\w.-]+)\)", cell.source)
        assert cell.source.count(PICTURE) == len(used)
        assert [alt for alt, _ in used if not 20 < len(alt) <= 2 * revisited.MOST_ALT] == []
        pictures |= {name for _, name in used}
    assert links > 2 * 45
    folder = PATH.parent / revisited.FOLDER
    assert {path.name for path in folder.iterdir()} == pictures
    for name in pictures:
        with Image.open(folder / name) as image:
            assert image.width <= revisited.WIDTH and image.height <= revisited.HEIGHT
    assert sum(path.stat().st_size for path in [PATH, *folder.iterdir()]) < 1_500_000


def test_a_settled_claim_shows_a_figure_of_each_of_its_lessons_that_has_one():
    without = []
    for id in sorted({claim for claim, _ in rules.due()}):
        there = [n for n in claims()[id].lessons if n in LESSONS and id in LESSONS[n].verdicts]
        figures = [cell for n in there if (cell := learner_notes.figure_of(id, LESSONS[n]))]
        assert rows_of(id)[0][2].count(PICTURE) == len(figures), id
        without += [id] * (len(figures) < len(there))
    assert without == ["A8"], "the aside in Rust shows what it prints, and no figure"


def test_the_page_follows_the_last_lesson_of_the_notes():
    stops = [(name, {"number": name, "title": "x"}) for name in ("00", "15", "16", "17")]
    page = f"[{DATA['title']}]({DATA['file']})"
    assert pages.neighbours(stops, "16")[1] == f"Next: {page}"
    assert pages.neighbours(stops, "17")[0] == f"Before: {page}"
    assert pages.neighbours(stops, "") == ("Before: [16 x](16)", "Next: [17 x](17)")
    assert pages.neighbours(stops[:2], "15")[1] == f"Next: {page}"
    for name in ("README.md", "notebooks/00_start_here.ipynb"):
        assert DATA["file"] in (ROOT / name).read_text("utf-8")


# --- what the word follows from


def lesson(number: str, **words: str) -> learner_notes.Lesson:
    section = stored_outputs.Section("Where", "where")
    verdicts = {
        claim: stored_outputs.Verdict(word, "So it is.", "cell", section)
        for claim, word in words.items()
    }
    return learner_notes.Lesson(f"{number}_x.ipynb", number, "X", verdicts, {})


@pytest.mark.parametrize(
    ("there", "word"),
    [
        ([lesson("10", S4=HOLDS), lesson("11", S4=HOLDS)], HOLDS),
        ([lesson("10", S4=HOLDS), lesson("11", S4=IN_PART)], IN_PART),
        ([lesson("10", S4=HOLDS), lesson("11", S4=DOES_NOT_HOLD)], IN_PART),
        ([lesson("10", S4=HOLDS)], learner_notes.OPEN),
        ([lesson("10", S4=HOLDS), lesson("11")], learner_notes.OPEN),
        ([], learner_notes.OPEN),
    ],
)
def test_the_word_for_a_claim_of_two_lessons(there, word):
    assert learner_notes.word(claims()["S4"], {one.number: one for one in there}) == word


def test_a_lesson_that_is_missing_is_named_as_still_to_come():
    some = {number: one for number, one in LESSONS.items() if number not in ("02", "05")}
    head = revisited.head(DATA, some)
    assert re.search(r"are not settled yet: lessons 02 and 05 are still to come\.", head)
    told = list(revisited.results(claims()["W7"], some))
    assert told == ["◌ **not settled yet**: lesson 05 is still to come"]
    assert revisited.still_open(1, dict.fromkeys([f"{n:02}" for n in range(16)])) == (
        " 1 is not settled yet: lesson 16 is still to come."
    )
    assert revisited.still_open(0, LESSONS) == ""


def test_a_figure_that_does_not_exist_is_refused():
    odd = copy.deepcopy(LESSONS["05"])
    del odd.figures["signature"]
    with pytest.raises(ValueError, match="lesson 05 has no figure in a cell 'signature'"):
        learner_notes.figure_of("W7", odd)


def test_a_claim_without_a_figure_of_its_own_shows_one_of_its_section():
    odd = copy.deepcopy(LESSONS["10"])
    assert learner_notes.figure_of("S1", odd) == "s1-figure"
    odd.figures["s1-figure"].tags.discard("S1")
    assert learner_notes.figure_of("S1", odd) == "s1-figure"
    del odd.figures["s1-figure"]
    assert learner_notes.figure_of("S1", odd) == ""


# --- drift


def remade(books) -> tuple[nbformat.NotebookNode, dict[Path, bytes]]:
    """Return the page and its small pictures, made again from these lessons."""
    links = re.findall(r"(?:Before|Next): \[.*?\]\(.*?\)", PAGE.cells[-1].source)
    page, shown = revisited.page(books, (*links, "")[:2])
    return page, revisited.thumbnails(shown, PATH.parent / revisited.FOLDER)


def test_another_word_or_another_picture_in_a_lesson_changes_the_page():
    page, pictures = remade(BOOKS)
    assert page == PAGE
    assert all(path.read_bytes() == data for path, data in pictures.items())
    [path] = [path for path in BOOKS if path.name.startswith("05")]
    book = copy.deepcopy(BOOKS[path])
    for cell in book.cells:
        for output in cell.get("outputs", []):
            plain = output.get("data", {}).get("text/plain", "")
            if "text/plain" in output.get("data", {}):
                output.data["text/plain"] = plain.replace(
                    "Verdict: holds in part", "Verdict: holds"
                )
    changed, same = remade(BOOKS | {path: book})
    assert [c.id for c, old in zip(changed.cells, PAGE.cells, strict=True) if c != old] == [
        "page-head",
        "part-01",
    ]
    assert same == pictures

    [cell] = [cell for cell in book.cells if cell.id == "signature"]
    [picture] = [o for o in cell.outputs if "image/png" in o.get("data", {})]
    buffer = io.BytesIO()
    Image.new("RGB", (900, 400), "red").save(buffer, "PNG")
    picture.data["image/png"] = base64.b64encode(buffer.getvalue()).decode()
    _, redrawn = remade(BOOKS | {path: book})
    assert {p.name for p, data in redrawn.items() if data != pictures[p]} == {"05-signature.png"}


def test_a_small_picture_knows_what_it_was_made_from_and_a_broken_one_knows_nothing(tmp_path):
    figure = LESSONS["10"].figures["s1-figure"].png
    path = tmp_path / "a.png"
    path.write_bytes(revisited.small(figure))
    assert revisited.made_from(path) == revisited.digest(figure)
    path.write_bytes(b"no picture")
    assert revisited.made_from(path) == ""
    assert revisited.thumbnails({"a.png": figure}, tmp_path) == {path: revisited.small(figure)}
