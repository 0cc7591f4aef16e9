"""Write what follows from the notebooks' own metadata: heads, "Break it", feet, map, README.

Plan: `course` in a notebook's metadata is the one place where a lesson's title, question,
minutes, outcomes, key points and sources stand; `saboteur` in a cell's metadata is the
one place where a breaking change stands. From them come the cells with the ids page-head,
page-break, page-foot (and page-map in lesson 00) and the parts of the README between
markers, and its picture, taken from lesson 10; and from the stored outputs the page "Your
notes, revisited" (revisited.py). Everything else in a notebook is left alone. A test asks
that running this changes nothing.

Usage: pages.py            writes, and names what it changed
       pages.py --check    writes nothing; ends with 1 and the names if something would change
"""

import base64
import re
import sys
from pathlib import Path

import learner_notes
import nbformat
import revisited

from helpers.course.claims import claims, claims_of

ROOT = Path(__file__).resolve().parent.parent
NEEDED = ("number", "title", "question", "minutes", "after", "read", "routes")
NEEDED_FOOT = ("key_points", "left_out", "sources")
EXERCISES = (
    "*The exercises check your answer. After two misses you get a hint, after three a solution.*"
)
ROUTES = {
    "talk": "A talk of 45 minutes",
    "half day": "Half a day",
    "two days": "Two days",
}


def lessons(root: Path = ROOT) -> dict[Path, nbformat.NotebookNode]:
    """Return the numbered notebooks by path, in order."""
    paths = sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    return {path: nbformat.read(path, 4) for path in paths}


def course(book: nbformat.NotebookNode) -> dict:
    """Return a notebook's course metadata; a ValueError names what is missing."""
    data = dict(book.metadata.get("course", {}))
    missing = [key for key in NEEDED if key not in data]
    if missing:
        raise ValueError(f"course metadata lacks {', '.join(missing)}")
    return data


def bullets(lines: list[str]) -> str:
    """Return a Markdown list."""
    return "\n".join(f"- {line}" for line in lines)


def head(data: dict, titles: dict[str, str], exercises: bool = False) -> str:
    """Return the head of a lesson; a ValueError if it wants a lesson read that is not before it."""
    odd = [n for n in data["read"] if n not in titles or n >= data["number"]]
    if odd:
        raise ValueError(f"lesson {data['number']}: no lesson before it: {', '.join(odd)}")
    read = [f"[{n} {titles[n][1]}]({titles[n][0]})" for n in data["read"]]
    listed = " and ".join([", ".join(read[:-1]), read[-1]] if read[1:] else read)
    before = listed or "nothing but a little Python"
    return (
        f"# {data['number']} · {data['title']}\n\n"
        f"**{data['question']}**\n\n"
        f"Afterwards you can\n\n{bullets(data['after'])}\n\n"
        f"*Takes about {data['minutes']} minutes. Read first: {before}.*"
        + (f"\n\n{EXERCISES}" if exercises else "")
    )


def indented(code: str) -> str:
    """Return code without the indentation its lines share."""
    lines = code.strip("\n").split("\n")
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:] for line in lines)


def break_it(book: nbformat.NotebookNode) -> str:
    """Return the section "Break it": each change after which a verdict comes out false."""
    parts = [
        "## Break it\n\nA verdict that cannot come out false is worth nothing. Each of these "
        "changes takes away what a claim rests on. Make the change, run the cell and the verdict "
        "again, and look at the figure: what is different now? Then undo the change."
    ]
    section = ""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            section = (re.findall(r"^## (.+)$", cell.source, re.M) or [section])[-1]
        saboteur = cell.metadata.get("saboteur")
        if saboteur:
            find, replace = indented(saboteur["find"]), indented(saboteur["replace"])
            parts.append(
                f"**“{claims()[saboteur['claim']].says}”** In “{section}” replace\n\n"
                f"```python\n{find}\n```\n\nby\n\n```python\n{replace}\n```\n\n"
                f"Now {saboteur['why']}."
            )
    return "\n\n".join(parts)


def foot(data: dict, before: str, after: str) -> str:
    """Return the foot of a lesson, with the way to its neighbours."""
    parts = [f"## Key points\n\n{bullets(data['key_points'])}"]
    if data["left_out"]:
        parts.append(f"**Left out here.**\n\n{bullets(data['left_out'])}")
    if data["sources"]:
        parts.append(f"**Sources.**\n\n{bullets(data['sources'])}")
    parts.append(" · ".join(link for link in (before, after) if link))
    return "\n\n".join(part for part in parts if part)


def table(data: list[tuple[str, dict]], folder: str) -> str:
    """Return the table of lessons: question, minutes, and how many claims each settles.

    The page of the notes stands behind their last lesson.
    """
    notes = learner_notes.notes()
    rows = {
        entry["number"]: f"| [{entry['number']} {entry['title']}]({folder}{name}) "
        f"| {entry['question']} | {entry['minutes']} | {len(claims_of(entry['number'])) or '–'} |"
        for name, entry in data
    }
    lines = [row for number, row in rows.items() if number <= notes["after"]]
    lines.append(
        f"| [{notes['title']}]({folder}{notes['file']}) | {notes['question']} "
        f"| {notes['minutes']} | – |"
    )
    lines += [row for number, row in rows.items() if number > notes["after"]]
    head = ["| lesson | the question | minutes | claims settled |", "|---|---|---|---|"]
    return "\n".join(head + lines)


def routes(data: list[tuple[str, dict]]) -> str:
    """Return the routes through the course, their minutes summed from the metadata."""
    rows = ["| route | lessons, with minutes for each | in all |", "|---|---|---|"]
    for key, title in ROUTES.items():
        steps = [(e["number"], e["routes"][key]) for _, e in data if key in e["routes"]]
        stops = ", ".join(f"{number} ({minutes})" for number, minutes in steps)
        rows.append(f"| {title} | {stops} | {sum(m for _, m in steps)} |")
    return "\n".join(rows)


def put(book: nbformat.NotebookNode, id: str, text: str, place: int) -> None:
    """Write the text into the cell with this id, or a new one at this place."""
    for cell in book.cells:
        if cell.id == id:
            cell.source = text
            return
    cell = nbformat.v4.new_markdown_cell(text)
    cell.id = id
    book.cells.insert(place, cell)


def place_of_break(book: nbformat.NotebookNode) -> int:
    """Return where "Break it" goes in a new notebook: before the exercises, or the close."""
    for index, cell in enumerate(book.cells):
        if cell.id.startswith("exercise") or "close" in cell.metadata.get("tags", []):
            return index
    return len(book.cells)


def neighbours(data: list[tuple[str, dict]], number: str) -> tuple[str, str]:
    """Return the links to what stands before and after a lesson, or the notes' page ("")."""
    notes = learner_notes.notes()
    stops = [(e["number"], f"[{e['number']} {e['title']}]({name})") for name, e in data]
    place = sum(stop <= notes["after"] for stop, _ in stops)
    stops.insert(place, ("", f"[{notes['title']}]({notes['file']})"))
    here = [stop for stop, _ in stops].index(number)
    before = f"Before: {stops[here - 1][1]}" if here else ""
    after = f"Next: {stops[here + 1][1]}" if here + 1 < len(stops) else ""
    return before, after


def write(books: dict[Path, nbformat.NotebookNode]) -> None:
    """Write the pages' cells into the notebooks, in memory."""
    data = [(path.name, course(book)) for path, book in books.items()]
    titles = {entry["number"]: (name, entry["title"]) for name, entry in data}
    for book, (_, entry) in zip(books.values(), data, strict=True):
        exercises = any("exercise" in cell.metadata.get("tags", []) for cell in book.cells)
        put(book, "page-head", head(entry, titles, exercises), 0)
        if any("saboteur" in cell.metadata for cell in book.cells):
            put(book, "page-break", break_it(book), place_of_break(book))
        if any(cell.id == "page-map" for cell in book.cells):
            put(book, "page-map", f"## The map\n\n{table(data, '')}", 0)
        if all(key in entry for key in NEEDED_FOOT):
            put(book, "page-foot", foot(entry, *neighbours(data, entry["number"])), len(book.cells))


def readme(text: str, books: dict[Path, nbformat.NotebookNode]) -> str:
    """Return the README's text with its generated parts written anew."""
    data = [(path.name, course(book)) for path, book in books.items()]
    for name, part in (("lessons", table(data, "notebooks/")), ("routes", routes(data))):
        pattern = rf"(?s)(<!-- {name} -->\n).*?(\n<!-- /{name} -->)"
        if not re.search(pattern, text):
            raise ValueError(f"the README lacks the markers <!-- {name} --> ... <!-- /{name} -->")
        text = re.sub(pattern, lambda m, part=part: f"{m[1]}\n{part}\n{m[2]}", text)
    return text


def picture(books: dict[Path, nbformat.NotebookNode]) -> bytes | None:
    """Return the README's picture: a figure of lesson 10; None before it is stored.

    `picture` in the lesson's course metadata names the cell; a ValueError if there is none.
    """
    [book] = [book for path, book in books.items() if path.stem == "10_blocking"]
    wanted = book.metadata["course"].get("picture")
    cells = [cell for cell in book.cells if cell.id == wanted]
    if not cells:
        raise ValueError(
            f"lesson 10: course metadata names no cell with the README's picture: {wanted!r}"
        )
    [cell] = cells
    stored = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
    return base64.b64decode(stored[0]) if stored else None


def changes(root: Path = ROOT) -> dict[Path, bytes | None]:
    """Return what the files should hold, for those that hold something else; None: nothing."""
    books = lessons(root)
    write(books)
    # nbformat's own spelling of a notebook, and a newline at the end.
    wanted = {path: (nbformat.writes(book) + "\n").encode() for path, book in books.items()}
    page = root / "notebooks" / learner_notes.notes()["file"]
    data = [(path.name, course(book)) for path, book in books.items()]
    made, shown = revisited.page(books, neighbours(data, ""))
    wanted[page] = (nbformat.writes(made) + "\n").encode()
    thumbnails = root / "notebooks" / revisited.FOLDER
    wanted |= dict.fromkeys(thumbnails.glob("*")) | revisited.thumbnails(shown, thumbnails)
    page = root / "README.md"
    wanted[page] = readme(page.read_text("utf-8"), books).encode()
    if (stored := picture(books)) is not None:
        wanted[root / "docs/blocking_timeline.png"] = stored
    return {
        path: data
        for path, data in wanted.items()
        if not path.exists() or path.read_bytes() != data
    }


if __name__ == "__main__":
    changed = changes()
    for path, data in changed.items():
        print(f"{path.relative_to(ROOT)}: {'would change' if '--check' in sys.argv else 'written'}")
        if "--check" not in sys.argv:
            path.parent.mkdir(exist_ok=True)
            path.unlink() if data is None else path.write_bytes(data)
    sys.exit(bool(changed) and "--check" in sys.argv)
