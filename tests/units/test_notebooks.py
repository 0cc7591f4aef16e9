"""Every notebook keeps the rules, and every rule refuses the small notebook that breaks it."""

import base64
import io
import shutil
from pathlib import Path

import learner_notes
import nbformat
import pages
import pytest
import revisited
import rules
from PIL import Image

from helpers.course.claims import claims, claims_of

ROOT = Path(__file__).resolve().parents[2]
BOOKS = pages.lessons(ROOT)
THUMBNAILS = ROOT / "notebooks" / revisited.FOLDER


def test_there_are_notebooks_to_check():
    assert [path.name for path in BOOKS if path.name.startswith("10")] == ["10_blocking.ipynb"]
    others = set((ROOT / "notebooks").glob("*.ipynb")) - set(BOOKS)
    assert {path.name for path in others} == {learner_notes.notes()["file"]}


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_the_notebook_keeps_the_rule(path, rule):
    assert list(rule(BOOKS[path], path.name)) == []


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    assert list(rules.linked(BOOKS[path], path.name, path.parent)) == []


def test_the_pages_are_what_the_metadata_says():
    assert {path.name for path in pages.changes(ROOT)} == set()


# Minutes of teaching that a route has room for: breaks, questions and lunch come on top.
ROOM = {"talk": (30, 45), "half day": (180, 285), "two days": (600, 780)}


def test_the_routes_fit_into_their_time_and_the_longest_takes_every_lesson():
    taken = [pages.course(book)["routes"] for book in BOOKS.values()]
    assert set(ROOM) == set(pages.ROUTES)
    for route, (least, most) in ROOM.items():
        assert least <= sum(minutes.get(route, 0) for minutes in taken) <= most, route
    assert all("two days" in minutes for minutes in taken)


def test_cells_left_out_of_the_comparison_are_counted(say):
    exist = {(path.name, cell.id) for path, book in BOOKS.items() for cell in book.cells}
    assert set(rules.MAY_VARY) <= exist, "a cell on the list does not exist any more"
    say(f"cells left out of the comparison: {len(rules.MAY_VARY)}")


# --- bad notebooks


def picture(blank: bool = False) -> str:
    image = Image.new("RGB", (500, 100), "white")
    if not blank:
        for x in range(500):
            image.putpixel((x, 5), (x % 256, 7, 9))
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def plain(text: str):
    return nbformat.v4.new_output("display_data", {"text/plain": text})


def stream(text: str, name: str = "stdout"):
    return nbformat.v4.new_output("stream", text=text, name=name)


def figure(blank: bool = False, words: bool = True):
    outputs = [nbformat.v4.new_output("display_data", {"image/png": picture(blank)})]
    return outputs + ([plain("Figure: x\n[measured]\n1 s\n[/measured]")] if words else [])


COURSE = dict.fromkeys((*pages.NEEDED, *pages.NEEDED_FOOT), "") | {"minutes": 30, "routes": {}}


def book(*cells, number: str = "10", **course):
    """Return a notebook from (source, metadata, outputs) triples, all executed."""
    about = COURSE | {"number": number} | course
    made = nbformat.v4.new_notebook(metadata={"course": about})
    for count, (source, metadata, outputs) in enumerate(cells, 1):
        cell = nbformat.v4.new_code_cell(source, metadata=metadata, outputs=list(outputs))
        cell.execution_count = count
        made.cells.append(cell)
    return made


def prose(text: str):
    made = book()
    made.cells.append(nbformat.v4.new_markdown_cell(text))
    return made


def undescribed():
    made = book()
    del made.metadata.course["sources"]
    return made


def unrun():
    made = book(("1", {}, []))
    made.cells[0].execution_count = None
    return made


def widget_state():
    made = book(("1", {}, []))
    made.metadata["widgets"] = {}
    return made


def sabotage(**change):
    return {"tags": ["S1"], "saboteur": {"claim": "S1", "find": "a", "replace": "b"} | change}


STUB = "def f():\n    raise NotImplementedError"
FOLDED = {"jupyter": {"source_hidden": True}}


def verdict(id: str, word: str | None = None, lesson: str = "10"):
    """Return what a verdict's cell stores: the word, as rated unless another is given."""
    claim = claims()[id]
    return plain(f"Verdict: {word or claim.rated(lesson)}\n“{claim.says}”\n✔ so it is")


GOOD_CLAIMS = [
    (f"a  # {id}", {"tags": [id], "saboteur": {"claim": id}}, [verdict(id)])
    for id in claims_of("10")
]
BAD = {
    "not run": (rules.executed_in_order, unrun()),
    "error": (
        rules.executed_in_order,
        book(("1", {}, [nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])])),
    ),
    "stderr": (rules.executed_in_order, book(("1", {}, [stream("careful", "stderr")]))),
    "widget state": (rules.nothing_of_this_run, widget_state()),
    "address": (rules.nothing_of_this_run, book(("1", {}, [stream("<x at 0x7f00aa10bb>")]))),
    "path": (rules.nothing_of_this_run, book(("1", {}, [plain("/home/me/file")]))),
    "port": (rules.nothing_of_this_run, book(("1", {}, [stream("http://127.0.0.1:43210/")]))),
    "other host": (rules.nothing_of_this_run, book(("1", {}, [stream("10.0.0.7")]))),
    "no picture": (rules.pictures, book(("1", {"tags": ["figure"]}, []), number="00")),
    "untagged picture": (rules.pictures, book(("1", {}, figure()), number="00")),
    "empty picture": (
        rules.pictures,
        book(("1", {"tags": ["figure"]}, figure(blank=True)), number="00"),
    ),
    "no words": (
        rules.pictures,
        book(("1", {"tags": ["figure"]}, figure(words=False)), number="00"),
    ),
    "few figures": (rules.pictures, book(("1", {"tags": ["figure"]}, figure()))),
    "ignored by tag": (rules.compared, book(("1", {"tags": ["nbval-ignore-output"]}, []))),
    "ignored by comment": (rules.compared, book(("# NBVAL_IGNORE_OUTPUT\n1", {}, []))),
    "long cell": (rules.one_screen, book(("1\n" * 26, {}, []))),
    "unknown tag": (rules.tagged, book(("1", {"tags": ["fgure"]}, []))),
    "unknown need": (rules.tagged, book(("1", {"tags": ["needs-magic"]}, []))),
    "claim of another lesson": (rules.tagged, book(("1", {"tags": ["W4"]}, []))),
    "no verdict": (
        rules.settled,
        book(("a", {"saboteur": {"claim": "S1"}}, []), *GOOD_CLAIMS[1:]),
    ),
    "other outcome": (
        rules.settled,
        book(("a", {"saboteur": {"claim": "S1"}}, [verdict("S1", "not shown")]), *GOOD_CLAIMS[1:]),
    ),
    "no saboteur": (rules.settled, book(("a", {}, [verdict("S1")]), *GOOD_CLAIMS[1:])),
    "foreign verdict": (
        rules.settled,
        book(("a", {}, [verdict("A1", lesson="11")]), *GOOD_CLAIMS),
    ),
    "open verdict": (rules.folded, book(("lesson.verdict('S1')", {}, []))),
    "folded code": (rules.folded, book(("server = serve('a', [])", FOLDED, []))),
    "no runs": (rules.only_asks, book(("lesson.verdict('S1', supports=found)", FOLDED, []))),
    "a run in a verdict": (
        rules.only_asks,
        book(("run = await experiment()\nlesson.verdict('S1', runs=run)", FOLDED, [])),
    ),
    "a statistic": (rules.told, book(("1", {}, [stream("Nobody was asked; a common guess: 1")]))),
    "a statistic in prose": (rules.told, prose("Most people guess a second.")),
    "a code": (rules.told, prose("> **S4.** *Synchronicity is a client property.*")),
    "a code in an output": (rules.told, book(("1", {}, [plain("Verdict W4: holds")]))),
    "no such word": (rules.told, book(("1", {}, [plain("Verdict: half right")]))),
    "a claim in other words": (
        rules.quoted,
        prose(
            "\n".join(f"> *{claim.says}*" for id, claim in claims_of("10").items() if id != "S3")
        ),
    ),
    "no sources": (rules.described, undescribed()),
    "unknown key": (rules.described, book(colour="red")),
    "too long": (rules.described, book(minutes=90)),
    "unknown minutes": (rules.described, book(minutes="half an hour")),
    "unknown route": (rules.described, book(routes={"walk": 10})),
    "a route without minutes": (rules.described, book(routes={"talk": 0})),
    "no tag of the need": (
        rules.needy,
        book(("run = await lesson.run_or_stored('a', f, needs='curl')", {}, [])),
    ),
    "a need in a variable": (
        rules.needy,
        book(("run = await lesson.run_or_stored('a', f, needs=MINE)", {}, [])),
    ),
    "finds nothing": (rules.breakable, book(("x", sabotage(why="so"), []))),
    "finds two": (rules.breakable, book(("a = a", sabotage(why="so"), []))),
    "no reason": (rules.breakable, book(("a", sabotage(), []))),
    "outside": (rules.breakable, book(("a", sabotage(why="so") | {"tags": []}, []))),
    "no exercise": (rules.exercised, book(("1", {}, []))),
    "solved stub": (
        rules.exercised,
        book(
            ("def f(): return 1", {"tags": ["exercise", "exercise-1"]}, []),
            ("await lesson.check(1)", {"tags": ["exercise-1"]}, [stream("not tried yet")]),
        ),
    ),
    "no check": (rules.exercised, book((STUB, {"tags": ["exercise", "exercise-1"]}, []))),
    "tried": (
        rules.exercised,
        book(
            (STUB, {"tags": ["exercise", "exercise-1"]}, []),
            ("await lesson.check(1)", {"tags": ["exercise-1"]}, [stream("solved")]),
        ),
    ),
}


def test_every_rule_has_a_bad_notebook():
    assert {rule for rule, _ in BAD.values()} == set(rules.RULES)


@pytest.mark.parametrize(
    ("rule", "good"),
    [
        (rules.settled, book(*GOOD_CLAIMS)),
        (rules.one_screen, book(*[("1\n" * 25, {}, [])] * 40)),
        (rules.folded, book(("lesson.verdict('S1', runs=run)", FOLDED, []))),
        (rules.only_asks, book(("lesson.verdict('S1', runs=[run])", FOLDED, []))),
        (rules.told, prose("S9 is no claim.\n\n```python\nlesson.verdict('S1')\n```")),
        (rules.described, book(picture="s4-run", routes={"talk": 10})),
        (
            rules.needy,
            book(
                (
                    "%pwd\nawait lesson.run_or_stored('a', f, ['linux', 'curl'])",
                    {"tags": ["needs-linux", "needs-curl"]},
                    [],
                )
            ),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", "") if callable(value) else "",
)
def test_the_rule_lets_a_good_notebook_pass(rule, good):
    assert list(rule(good, "good.ipynb")) == []


@pytest.mark.parametrize("name", BAD)
def test_the_rule_refuses_the_bad_notebook(name):
    rule, bad = BAD[name]
    assert len(list(rule(bad, "bad.ipynb"))) == 1, list(rule(bad, "bad.ipynb"))


def test_a_link_that_leads_nowhere_is_refused(tmp_path):
    bad = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("[x](no.ipynb)")])
    assert len(list(rules.linked(bad, "bad.ipynb", tmp_path))) == 1


def test_drift_of_a_page_is_noticed(tmp_path):
    for name in ("README.md", "docs/blocking_timeline.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "notebooks").mkdir()
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        (tmp_path / "notebooks" / path.name).write_text(path.read_text())
    shutil.copytree(THUMBNAILS, tmp_path / "notebooks" / THUMBNAILS.name)
    assert pages.changes(tmp_path) == {}
    path = tmp_path / "notebooks" / "10_blocking.ipynb"
    path.write_text(path.read_text().replace("Takes about", "Takes roughly"))
    assert list(pages.changes(tmp_path)) == [path]
    odd, lost = (tmp_path / "notebooks/thumbnails" / name for name in ("odd.png", "01-w1-run.png"))
    odd.write_bytes(lost.read_bytes())
    lost.write_bytes(b"")
    changed = pages.changes(tmp_path)
    assert changed.keys() == {path, odd, lost}
    assert changed[odd] is None and changed[lost].startswith(b"\x89PNG")


@pytest.mark.parametrize("read", [["11"], ["10"], ["99"]])
def test_no_lesson_asks_to_have_read_what_is_not_before_it(read):
    data = dict(pages.course(next(b for p, b in BOOKS.items() if p.name.startswith("10"))))
    titles = dict.fromkeys(("01", "10", "11"), ("x.ipynb", "X"))
    with pytest.raises(ValueError, match="lesson 10: no lesson before it"):
        pages.head(data | {"read": read}, titles)
