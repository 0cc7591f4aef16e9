"""Write "Your notes, revisited": the notes, line by line, beside what the lessons found.

Plan: the lines come from notes.toml (learner_notes.py), the words of a claim from claims.toml;
the verdict, what is precisely true and the figure from the lessons' stored outputs. Nothing
is decided here. A figure is made small and kept in a file beside the page, with the digest
of the picture that it was made from: it changes when the figure does, and not with the machine.

Left out: the lessons' own pages (pages.py).
"""

import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import nbformat
import stored_outputs
from learner_notes import OPEN, Lesson, Part, figure_of, notes, read_lessons, word
from PIL import Image, PngImagePlugin

from helpers.course.claims import ANSWERED, DOES_NOT_HOLD, FRAMING, HOLDS, IN_PART, Claim, claims

SIGNS = {HOLDS: "●", IN_PART: "◐", DOES_NOT_HOLD: "○", ANSWERED: "◆", OPEN: "◌", FRAMING: "–"}
MEANS = {
    HOLDS: "what the notes say is what was found",
    IN_PART: "there is more to it, or it is so only under a condition",
    DOES_NOT_HOLD: "it was found otherwise",
    ANSWERED: "the notes ask, and a lesson answers",
    OPEN: "its lesson is still to come",
}
FOLDER, MADE_FROM = "thumbnails", "made from"
WIDTH, HEIGHT, COLOURS, MOST_ALT = 320, 260, 64, 300  # of a small picture; of its words
# A browser makes the pictures of a table as narrow as the column's head: spaces keep it wide.
COLUMNS = f"| your notes | what came of it | its&nbsp;figure{'&nbsp;' * 60} |"


# --- what a row says


def in_cell(text: str) -> str:
    """Return text for a cell of a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def place(lesson: Lesson, section: stored_outputs.Section) -> str:
    """Return the address of a section of a lesson, as JupyterLab and nbconvert find it."""
    return f"{lesson.file}#cell-id={section.cell}"


def alt(figure: stored_outputs.Figure) -> str:
    """Return the words of a figure that stand for its picture: the first of its sentences."""
    text = figure.title + "." * (figure.title[-1:] not in ".?!")
    for sentence in figure.sentences:
        if len(text) + len(sentence) < MOST_ALT and sentence.endswith("."):
            text += f" {sentence}"
    return re.sub(r"[\[\]\\\"<>`]", "", in_cell(text)).replace("|", ",")


def small(png: bytes) -> bytes:
    """Return a picture made small, in few colours."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    image.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    about = PngImagePlugin.PngInfo()
    about.add_text(MADE_FROM, digest(png))
    image.quantize(COLOURS).save(buffer, "PNG", optimize=True, pnginfo=about)
    return buffer.getvalue()


def results(claim: Claim, lessons: Mapping[str, Lesson]) -> Iterator[str]:
    """Yield what each lesson of a claim has found, with the way there, then what is true."""
    precisely = ""
    for number in claim.lessons:
        lesson = lessons.get(number)
        if lesson is None or claim.id not in lesson.verdicts:
            yield f"{SIGNS[OPEN]} **{OPEN}**: lesson {number} is still to come"
            continue
        found = lesson.verdicts[claim.id]
        precisely = found.precisely
        name = in_cell(f"{number} {lesson.title} › {found.section.title}")
        yield f"{SIGNS[found.word]} **{found.word}** · [{name}]({place(lesson, found.section)})"
    if precisely:
        yield in_cell(precisely)


def pictures(claim: Claim, lessons: Mapping[str, Lesson], kept: dict[str, bytes]) -> Iterator[str]:
    """Yield the small figure of each lesson of a claim, as a link; keep its source in `kept`."""
    for lesson in [lessons[number] for number in claim.lessons if number in lessons]:
        if claim.id in lesson.verdicts and (cell := figure_of(claim.id, lesson)):
            name = f"{lesson.number}-{cell}.png"
            kept[name] = lesson.figures[cell].png
            target = place(lesson, lesson.verdicts[claim.id].section)
            yield f"[![{alt(lesson.figures[cell])}]({FOLDER}/{name})]({target})"


def rows(
    part: Part, lessons: Mapping[str, Lesson], seen: set[str], kept: dict[str, bytes]
) -> Iterator[str]:
    """Yield a part's rows: what the notes say, what came of it, the figure."""
    for line in part.lines:
        if not line.claims or line.reply:
            yield f"| “{in_cell(line.says)}” | {SIGNS[FRAMING]} {in_cell(line.reply)} | |"
            continue
        for claim in (claims()[id] for id in line.claims):
            says = f"“{in_cell(line.says or claim.says)}”"
            if claim.rating == FRAMING:
                yield f"| {says} | {SIGNS[FRAMING]} {in_cell(claim.precisely)} | |"
            elif claim.id in seen:
                found = word(claim, lessons)
                above = f"{SIGNS[found]} **{found}**, as above: “{in_cell(claim.says)}”"
                yield f"| {says} | {above} | |"
            else:
                seen.add(claim.id)
                told = "<br>".join(results(claim, lessons))
                says = f"*{in_cell(line.aside)}*<br>{says}" if line.aside else says
                shown = "<br>".join(pictures(claim, lessons, kept))
                yield f"| {says} | {told} | {shown} |"


# --- the page


def counted(lessons: Mapping[str, Lesson]) -> dict[str, int]:
    """Return how many claims of the notes have which word."""
    words = [word(claim, lessons) for claim in claims().values()]
    return {name: words.count(name) for name in SIGNS}


def head(data: dict, lessons: Mapping[str, Lesson]) -> str:
    """Return the head of the page: what it is, the count, the signs, the notes at a glance."""
    count = counted(lessons)
    of_all = sum(count[name] for name in MEANS)
    key = [f"| {SIGNS[name]} | **{name}** | {MEANS[name]} | {count[name]} |" for name in MEANS]
    seen: set[str] = set()
    glance = [f"| {part.title} | {' '.join(signs(part, lessons, seen))} |" for part in data["part"]]
    return "\n".join(
        [
            f"# {data['title']}",
            "",
            f"**{data['question']}**",
            "",
            "You wrote these notes while you were learning, and this course was made from them. "
            "This page goes through them again: line by line, in your order, in slightly tidier "
            "words. Beside each line stands the verdict that a lesson came to, what is precisely "
            "true, and the figure that showed it. A click on the figure, or on the lesson's name, "
            "takes you to the place where it was settled. (If somebody else wrote the notes, read "
            "along: you will hear these sentences again.)",
            "",
            f"> **Of your {of_all} statements, {count[HOLDS]} hold, {count[IN_PART]} hold in part, "
            f"{count[DOES_NOT_HOLD]} do not, and {count[ANSWERED]} questions are answered.**"
            + still_open(count[OPEN], lessons),
            "",
            "*Holds in part* is no bad mark. You had the right idea, and now you know how far it "
            "goes. Nothing on this page was decided by hand: each word is the one that a "
            "lesson's measurement printed.",
            "",
            "| | word | what it means | how many |",
            "|:-:|:--|:--|--:|",
            *[line for name, line in zip(MEANS, key, strict=True) if count[name]],
            "",
            "**Your notes at a glance**, a sign for each statement, in your order:",
            "",
            "| part of the notes | |",
            "|:--|:--|",
            *glance,
        ]
    )


def still_open(count: int, lessons: Mapping[str, Lesson]) -> str:
    """Return how many statements are not settled yet, and which lessons are to settle them."""
    if not count:
        return ""
    coming = sorted({n for claim in claims().values() for n in claim.lessons} - set(lessons))
    named = " and ".join([*[", ".join(coming[:-1])] * bool(coming[1:]), *coming[-1:]])
    lesson = f"lessons {named} are" if coming[1:] else f"lesson {named} is"
    return f" {count} {'are' if count > 1 else 'is'} not settled yet: {lesson} still to come."


def signs(part: Part, lessons: Mapping[str, Lesson], seen: set[str]) -> Iterator[str]:
    """Yield a sign for each statement of a part that is settled there, and in no earlier one."""
    for claim in (claims()[id] for line in part.lines for id in line.claims):
        if claim.rating != FRAMING and claim.id not in seen:
            seen.add(claim.id)
            yield SIGNS[word(claim, lessons)]


def foot(before: str, after: str) -> str:
    """Return the foot of the page, with the way to its neighbours."""
    return (
        "## And now?\n\n"
        "You don't have to believe any of it. Choose a verdict that surprises you, open its "
        "lesson, and go to *Break it*: take away what the verdict rests on, and see it fall. "
        "Then write your next notes in the same way: a sentence, a guess, a measurement.\n\n"
        + " · ".join(link for link in (before, after) if link)
    )


def page(
    books: Mapping[Path, nbformat.NotebookNode], links: tuple[str, str]
) -> tuple[nbformat.NotebookNode, dict[str, bytes]]:
    """Return the page as a notebook, and the figures it shows, as large as they are stored."""
    data, lessons, seen = notes(), read_lessons(books), set()
    cells, shown = [_cell("page-head", head(data, lessons))], {}
    for number, part in enumerate(data["part"], 1):
        table = list(rows(part, lessons, seen, shown))
        text = [f"## {part.title}", "", COLUMNS, "|:--|:--|:--|"]
        cells.append(_cell(f"part-{number:02}", "\n".join(text + table)))
    cells.append(_cell("page-foot", foot(*links)))
    made = nbformat.v4.new_notebook(cells=cells)
    made.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    nbformat.validate(made)
    return made, shown


def thumbnails(shown: Mapping[str, bytes], folder: Path) -> dict[Path, bytes]:
    """Return the small pictures by path: those that are there if made from these figures."""
    found = {}
    for name, png in shown.items():
        path = folder / name
        same = path.exists() and made_from(path) == digest(png)
        found[path] = path.read_bytes() if same else small(png)
    return found


def made_from(path: Path) -> str:
    """Return the digest of the figure that a small picture was made from; "" if it has none."""
    try:
        with Image.open(path) as image:
            return image.info.get(MADE_FROM, "")
    except OSError:  # no picture any more
        return ""


def digest(png: bytes) -> str:
    """Return what tells whether a small picture is made from this one, in this way."""
    return hashlib.sha256(png + repr((WIDTH, HEIGHT, COLOURS)).encode()).hexdigest()[:16]


def _cell(id: str, text: str) -> nbformat.NotebookNode:
    cell = nbformat.v4.new_markdown_cell(text)
    cell.id = id
    return cell
