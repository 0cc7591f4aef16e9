"""What the pages for people name exists: targets of make, files, code, and where links lead.

Plan: take from each page its links and everything set as code. A word that looks like a
file must be one, `make x` must be a target, a word with a call or a dot must be found in
the code. Patterns such as NN_*.py must fit at least one file.
"""

import importlib
import re
from pathlib import Path

import pages
import pytest
import rules

from helpers.course import claims
from helpers.ledger import Ledger

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "helpers/README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "teaching").glob("*.md")),
]
TARGETS = set(re.findall(r"(?m)^([a-z]+):", (ROOT / "Makefile").read_text()))
FILES = r"(?:[\w.*-]+/)*[\w.*-]+\.(?:ipynb|py|md|toml|txt|cfg|json|png)|(?:[\w.-]+/)+"
SELF = Path(__file__).name
MODULES = ("lesson", "explore", "servers", "instruments", "ledger")


def code(text: str) -> list[str]:
    """Return what the page sets as code: between backticks, and indented blocks."""
    spans = re.findall(r"`([^`]+)`", text)
    return spans + re.findall(r"(?m)^    (\S.*)$", text)


def known_words() -> set[str]:
    """Return every word of the code of helpers, the notebooks' cells, and the tests but this."""
    sources = [path.read_text("utf-8") for path in (ROOT / "helpers").rglob("*.py")]
    sources += [p.read_text("utf-8") for p in (ROOT / "tests").rglob("*.py") if p.name != SELF]
    for book in pages.lessons(ROOT).values():
        sources += [cell.source for cell in rules.code_cells(book)]
    return {word for source in sources for word in re.findall(r"\w+", source)}


def missing_targets(text: str) -> set[str]:
    """Return the targets of `make` that the page names and the Makefile lacks."""
    named = {m for span in code(text) for m in re.findall(r"^make ([a-z]+)", span)}
    return named - TARGETS


def missing_files(text: str, folder: Path) -> set[str]:
    """Return the files that the page names, as code or as a link, and that are not there."""
    named = {span for span in code(text) if re.fullmatch(FILES, span)}
    named |= {m for span in code(text) for m in re.findall(r"NB=(\S*/\S+)", span)}
    links = set(re.findall(r"\]\(([^)#\s]+)", text))
    links = {link for link in links if not re.match(r"https?:|mailto:", link)}
    lost = {link for link in links if not (folder / link).exists()}
    for name in named:
        pattern = re.sub(r"\bNN\b|NN(?=_)", "[0-9][0-9]", name).replace("short_name", "*")
        # Virtual environments are made on the reader's machine.
        if not pattern.startswith(".venv") and not any(
            list(base.glob(pattern.rstrip("/"))) for base in (ROOT, folder)
        ):
            lost.add(name)
    return lost


def missing_code(text: str) -> set[str]:
    """Return the names of helpers that the page calls and that do not exist."""
    lost = set()
    for span in code(text):
        for module, name in re.findall(rf"\b({'|'.join(MODULES)})\.(\w+)\(", span):
            # A ledger is called `ledger` in every lesson, like its module.
            owners = [importlib.import_module(f"helpers.{module}"), Ledger]
            if not any(hasattr(owner, name) for owner in owners[: 1 + (module == "ledger")]):
                lost.add(f"{module}.{name}")
        # A constant of ours or of the system, as in `PROGRAMS`: one word, all capitals.
        if re.fullmatch(r"[A-Z][A-Z_]{2,}", span) and span not in known_words():
            lost.add(span)
    return lost


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_page_names_exists(page):
    text = page.read_text("utf-8")
    assert missing_targets(text) == set()
    assert missing_files(text, page.parent) == set()
    assert missing_code(text) == set()


def test_the_pages_name_something():
    texts = {page.name: page.read_text("utf-8") for page in PAGES}
    assert {"README.md", "CONTRIBUTING.md"} < set(texts)
    page = texts["CONTRIBUTING.md"]
    named = {m for span in code(page) for m in re.findall(r"^make ([a-z]+)", span)}
    assert {"pages", "store", "test", "prove", "soak", "record"} <= named
    assert sum(bool(re.fullmatch(FILES, span)) for span in code(page)) > 10
    assert "lesson.verdict" in str(code(page))


def test_every_target_and_every_page_of_teaching_belongs_to_something():
    told = (ROOT / "Makefile").read_text()
    phony = re.search(r"(?m)^\.PHONY: (.*)$", told)[1].split()
    assert set(phony) == TARGETS
    numbers = {path.name[:2] for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")}
    assert {page.stem for page in PAGES if page.parent.name == "teaching"} <= numbers


def test_contributing_says_the_numbers_that_the_rules_have():
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text("utf-8").split())
    words = {3: "three"}
    assert f"No cell over {rules.MOST_LINES} lines" in text
    assert f"at least {words[rules.FEWEST_FIGURES]} figures" in text


def test_contributing_names_every_tag_and_every_outcome():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert {tag for tag in rules.TAGS if f"`{tag}`" not in text} == set()
    for word in (claims.HOLDS, claims.IN_PART, claims.DOES_NOT_HOLD, claims.ANSWERED):
        assert f"*{word}*" in text
    assert f"*{claims.NOT_SHOWN}*" in text


def test_contributing_names_every_key_of_the_metadata():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    keys = {*pages.NEEDED, *pages.NEEDED_FOOT}
    assert {key for key in keys if f"`{key}`" not in text} == set()
    assert {route for route in pages.ROUTES if f'"{route}"' not in text} == set()


def told(text: str) -> list[str]:
    """Return what a page for people says and a reader must not meet, but for claims' codes."""
    never = {what: p for what, p in rules.NEVER_SAID.items() if "code" not in what}
    return [what for what, pattern in never.items() if re.search(pattern, text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_no_page_gives_a_statistic_that_nobody_collected(page):
    assert told(page.read_text("utf-8")) == []


def test_the_readme_names_no_claim_by_its_code():
    text = (ROOT / "README.md").read_text("utf-8")
    assert not re.search(rules.NEVER_SAID["a claim by its code"], text)
    assert told("Most people guess a second.") == ["a statistic that nobody collected"]


def minutes_of(text: str) -> list[int]:
    """Return the minutes of a note's sections: the first number in brackets of each heading."""
    return [int(n) for n in re.findall(r"(?m)^## .*\((\d+) ?(?:minutes?|,)", text)]


def test_the_minutes_of_a_note_add_up_to_those_of_its_lesson():
    minutes = {}
    for book in pages.lessons(ROOT).values():
        number = pages.course(book)["number"]
        page = ROOT / "teaching" / f"{number}.md"
        minutes[number] = sum(minutes_of(page.read_text("utf-8"))), pages.course(book)["minutes"]
    assert len(minutes) >= 8
    assert {number: pair for number, pair in minutes.items() if pair[0] != pair[1]} == {}
    assert minutes_of("## One (5 minutes)\n## Two (10 minutes, or 15)\n## Three") == [5, 10]


def lessons_named(text: str) -> set[str]:
    """Return the numbers of the lessons that a text points to."""
    found = re.findall(r"(?i)\blessons? (\d\d(?:(?:, | and | or | to )\d\d)*)", text)
    return {number for numbers in found for number in re.findall(r"\d\d", numbers)}


def test_nobody_is_sent_to_a_lesson_that_does_not_exist():
    books = pages.lessons(ROOT)
    there = {pages.course(book)["number"] for book in books.values()}
    texts = {page.name: page.read_text("utf-8") for page in PAGES}
    for path, book in books.items():
        texts[path.name] = "\n".join(cell.source for cell in book.cells)
    for path in [*(ROOT / "helpers").rglob("*.py"), *(ROOT / "notebooks/solutions").glob("*.py")]:
        texts[path.relative_to(ROOT).as_posix()] = path.read_text("utf-8")
    named = {name: lessons_named(text) for name, text in texts.items()}
    assert len(set().union(*named.values())) > 5
    assert {name: some - there for name, some in named.items() if some - there} == {}
    assert lessons_named("Lessons 10 and 11; lesson 99, or lessons 01, 02") == {
        "10",
        "11",
        "99",
        "01",
        "02",
    }


# What an instructor looks for in a note, and how it is found there.
PARTS = {
    "what to have run": r"(?i)\brun beforehand\b",
    "what to say": r"\*\*Say",
    "what to ask": r"\*\*Ask",
    "what to show": r"\*\*Show",
    "what to change live": r"\*\*(Live edit|Edit live)",
    "what to skip": r"(?i)\bskip\b|leave out",
    "wrong answers": r"(?i)wrong answer|\bexpect\b|possible answer",
    "when a run misbehaves": r"(?mi)^(## |\*\*)(when|if) a run misbehaves",
}


def lacking(note: str) -> set[str]:
    """Return the parts that a note lacks."""
    return {part for part, pattern in PARTS.items() if not re.search(pattern, note)}


def test_every_note_has_what_an_instructor_looks_for():
    notes = [page for page in PAGES if page.parent.name == "teaching"]
    assert len(notes) >= 9
    found = {note.stem: lacking(note.read_text("utf-8")) for note in notes}
    assert {stem: parts for stem, parts in found.items() if parts} == {}
    assert lacking("**Ask** for a guess. **Skip** the rest.") == {*PARTS} - {
        "what to ask",
        "what to skip",
    }


@pytest.mark.parametrize(
    ("find", "text", "lost"),
    [
        (missing_targets, "`make nonsense`", {"nonsense"}),
        (missing_targets, "    make nonsense  # says why", {"nonsense"}),
        (missing_code, '`lesson.verdikt("S4")`', {"lesson.verdikt"}),
        (missing_code, "`NO_SUCH_NAME` of a file", {"NO_SUCH_NAME"}),
    ],
)
def test_what_does_not_exist_is_noticed(find, text, lost):
    assert find(text) == lost


def test_a_file_that_does_not_exist_is_noticed():
    text = "`tests/no.py`, `teaching/NN.md`, `notebooks/NN_no_such_*.ipynb`, [x](no/where.md)"
    lost = {"tests/no.py", "notebooks/NN_no_such_*.ipynb", "no/where.md"}
    assert missing_files(text, ROOT) == lost
