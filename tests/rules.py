"""The rules of a notebook, as functions that name what is wrong with it.

Plan: nbval compares text and never looks at pictures, at what was not run, or at how a
lesson is built. Each rule here looks at one such thing, takes a notebook and yields a
problem per finding, so that a small bad notebook can show that the rule refuses it.
"""

import ast
import base64
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import stored_outputs
from pages import NEEDED, NEEDED_FOOT, ROUTES
from PIL import Image

from helpers.course.claims import FRAMING, claims, claims_of
from helpers.course.needs import NEEDS
from helpers.figures.style import MEASURED

MOST_LINES, FEWEST_FIGURES = 25, 3
FEWEST_MINUTES, MOST_MINUTES = 20, 40
# Cells that must vary from run to run, by notebook and cell id, with the reason.
_01 = "01_one_request_on_the_wire.ipynb"
_14 = "14_when_the_client_is_slow.ipynb"
MAY_VARY: dict[tuple[str, str], str] = {
    (_01, "typo"): "curl's own words, which differ from version to version",
    (_01, "plain-curl"): "curl's own words, which differ from version to version",
    (_01, "far-plain"): "prints the time of each step of a call",
    (_01, "w1-plain"): "prints how long the handler's work takes",
    (
        "02_who_answers.ipynb",
        "four-plain",
    ): "the hash has a secret, so the shares differ",
    ("11_not_blocking.ipynb", "a1-plain"): "prints times, and how much work was done meanwhile",
    ("11_not_blocking.ipynb", "hundred-plain"): "prints times",
    ("11_not_blocking.ipynb", "alone-plain"): "prints times",
    ("11_not_blocking.ipynb", "cpu-plain"): "prints a time",
    ("11_not_blocking.ipynb", "s4-plain"): "prints times, and an answer for each question",
    ("11_not_blocking.ipynb", "s4-figure"): "how often the client asks depends on the machine",
    ("04_what_a_message_costs.ipynb", "r4-plain"): "prints how long parsing took",
    ("05_who_keeps_the_order.ipynb", "plain-client"): "it prints times",
    (_14, "plain"): "how much the kernel's queues hold depends on the machine",
    (_14, "ask"): "how much the kernel's queues hold depends on the machine",
    (_14, "no-wait"): "how much the kernel's queues hold depends on the machine",
    (_14, "naive-run"): "how much the kernel's queues hold depends on the machine",
    ("10_blocking.ipynb", "asyncio"): "a plain cell prints how long it took",
    ("10_blocking.ipynb", "compute"): "a plain cell prints how many beats it counted",
    ("10_blocking.ipynb", "frozen-plain"): "a plain cell prints ten measured times",
    ("16_short_polling.ipynb", "plain"): "prints how far a job is, each time it is asked",
    ("12_three_ways_to_know.ipynb", "a6-plain"): "prints a time",
    ("13_push.ipynb", "p1-plain"): "prints times",
}
TAGS = {"setup", "figure", "exercise", "close", "explore"}
# What a reader is never told, with what is wrong with it.
NEVER_SAID = {
    "a statistic that nobody collected": (
        r"(?i)\b(common guess|most (people|learners|students|beginners|of us) "
        r"(guess|think|say|expect|believe)|everybody guesses)"
    ),
    "a word that no verdict has": r"\bhalf right\b",
    "a claim by its code": rf"\b({'|'.join(claims())})\b",
}
ODD_TEXT = {
    "an address in memory": r"0x[0-9a-f]{6,}",
    "a path": r"(/(root|home|tmp|work|usr|var|Users)/\w|[A-Z]:\\)",
    "a port": r"(127\.0\.0\.1|localhost):\d+|\bport \d{4,5}\b",
    "an address beyond this machine": r"\b(?!127\.)\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b",
}


def code_cells(book) -> list:
    """Return the code cells with something in them."""
    return [cell for cell in book.cells if cell.cell_type == "code" and cell.source.strip()]


def tags(cell) -> set[str]:
    """Return a cell's tags."""
    return set(cell.metadata.get("tags", []))


def texts(cell) -> Iterator[str]:
    """Yield every text a cell's outputs hold, HTML included."""
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            yield output.text
        for kind, data in output.get("data", {}).items():
            if kind.startswith("text/"):
                yield data


def verdicts(book) -> dict[str, tuple[str, str]]:
    """Return by claim the word in stored output and the id of the cell that shows it."""
    return {
        claim: (found.word, found.cell) for claim, found in stored_outputs.verdicts(book).items()
    }


def saboteurs(book) -> dict[str, list]:
    """Return by claim the cells that hold a breaking change for it."""
    found: dict[str, list] = {}
    for cell in code_cells(book):
        if change := cell.metadata.get("saboteur"):
            found.setdefault(change["claim"], []).append(cell)
    return found


def to_break(books: Mapping[Path, object]) -> list[tuple[Path, str]]:
    """Return each lesson with each claim that has a saboteur there: `make prove` runs them all."""
    return [(path, claim) for path, book in books.items() for claim in saboteurs(book)]


NO_LESSON = "its lesson is not there"


def due() -> set[tuple[str, str]]:
    """Return each claim that has an experiment with each lesson that is to settle it."""
    return {
        (claim.id, number)
        for claim in claims().values()
        if claim.rating != FRAMING
        for number in claim.lessons
    }


def unsettled(books: Iterable) -> dict[tuple[str, str], str]:
    """Return why a claim is not settled in a lesson that is to settle it, by claim and lesson.

    It is settled by an executed verdict in stored output, as rated, and by a saboteur.
    """
    lessons = {book.metadata.course["number"]: book for book in books}
    found = {}
    for claim, number in sorted(due()):
        if number not in lessons:
            found[claim, number] = NO_LESSON
            continue
        book, rating = lessons[number], claims()[claim].rated(number)
        word, cell = verdicts(book).get(claim, ("", ""))
        executed = {c.id for c in code_cells(book) if c.execution_count}
        if not word or cell not in executed:
            found[claim, number] = "no executed verdict"
        elif word != rating:
            found[claim, number] = f"the verdict reads {word!r}, the claims say {rating!r}"
        elif claim not in saboteurs(book):
            found[claim, number] = "no saboteur"
    return found


# --- what is stored


def executed_in_order(book, name: str = "") -> Iterator[str]:
    """Every code cell was run, once, from top to bottom, without an error."""
    for expected, cell in enumerate(code_cells(book), 1):
        if cell.execution_count != expected:
            yield f"{cell.id}: execution count {cell.execution_count}, not {expected}"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"{cell.id}: an error is stored: {output.ename}"
            if output.get("name") == "stderr":
                yield f"{cell.id}: stderr is stored: {output.text[:60]!r}"


def nothing_of_this_run(book, name: str = "") -> Iterator[str]:
    """No stored text holds an address, a path or a port, and no widget state is kept."""
    if "widgets" in book.metadata:
        yield "metadata.widgets: saved widget state"
    for cell in code_cells(book):
        for text in texts(cell):
            for what, pattern in ODD_TEXT.items():
                if match := re.search(pattern, text):
                    yield f"{cell.id}: {what} is stored: {match[0]!r}"


def pictures(book, name: str = "") -> Iterator[str]:
    """A cell with the tag "figure", and no other, stores a picture with something in it."""
    count = 0
    for cell in code_cells(book):
        stored = [o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})]
        count += len(stored)
        if bool(stored) != ("figure" in tags(cell)):
            yield f"{cell.id}: tag figure and {len(stored)} stored pictures"
        for data in stored:
            image = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
            if image.width < 400 or len(image.getcolors(1 << 24)) < 20:
                yield f"{cell.id}: the stored picture is empty"
        for text in texts(cell):
            if MEASURED[0] in text and MEASURED[1] not in text:
                yield f"{cell.id}: a measured block without its end"
        plain = [o.get("data", {}).get("text/plain", "") for o in cell.outputs]
        if stored and sum(MEASURED[0] in text for text in plain) != len(stored):
            yield f"{cell.id}: a picture without its words"
    numbered = book.metadata.course["number"] != "00"
    if numbered and count < FEWEST_FIGURES:
        yield f"{count} figures, fewer than {FEWEST_FIGURES}"


def compared(book, name: str = "") -> Iterator[str]:
    """Only cells on the list, with a reason, are left out of nbval's comparison."""
    for cell in code_cells(book):
        ignored = any("nbval" in tag or tag == "raises-exception" for tag in tags(cell))
        if (ignored or "NBVAL" in cell.source) and (name, cell.id) not in MAY_VARY:
            yield f"{cell.id}: left out of the comparison, and not on the list of those that may"


# --- how the lesson is built


def one_screen(book, name: str = "") -> Iterator[str]:
    """No code cell is longer than 25 lines."""
    for cell in code_cells(book):
        if len(cell.source.splitlines()) > MOST_LINES:
            yield f"{cell.id}: {len(cell.source.splitlines())} lines, more than {MOST_LINES}"


def tagged(book, name: str = "") -> Iterator[str]:
    """Tags are of the known kinds, needs are known needs, and claims are the lesson's own."""
    known = claims()
    number = book.metadata.course["number"]
    for cell in book.cells:
        for tag in tags(cell) - TAGS:
            if tag in known:
                if number not in known[tag].lessons:
                    yield f"{cell.id}: claim {tag} is not of lesson {number}"
            elif tag.startswith("needs-"):
                if tag.removeprefix("needs-") not in NEEDS:
                    yield f"{cell.id}: no such need: {tag}"
            elif not re.fullmatch(r"exercise-\d|nbval-.*", tag):
                yield f"{cell.id}: unknown tag {tag}"


def settled(book, name: str = "") -> Iterator[str]:
    """Every claim of the lesson has a verdict in stored output, as rated, and a saboteur."""
    number = book.metadata.course["number"]
    rated = {claim.id: claim.rated(number) for claim in claims_of(number).values()}
    shown, broken = verdicts(book), saboteurs(book)
    for claim, rating in rated.items():
        if claim not in shown:
            yield f"{claim}: no executed verdict"
        elif shown[claim][0] != rating:
            yield f"{claim}: the verdict reads {shown[claim][0]!r}, the claims say {rating!r}"
        if claim not in broken:
            yield f"{claim}: no saboteur"
    for claim in {*shown, *broken} - set(rated):
        yield f"{claim}: not a claim this lesson settles"


def folded(book, name: str = "") -> Iterator[str]:
    """The code of a verdict is folded, to be opened by who asks; no other code is."""
    for cell in code_cells(book):
        hidden = bool(cell.metadata.get("jupyter", {}).get("source_hidden"))
        if ("lesson.verdict(" in cell.source) != hidden:
            yield f"{cell.id}: {'other code is folded' if hidden else 'a verdict is not folded'}"


def only_asks(book, name: str = "") -> Iterator[str]:
    """A verdict names the runs it rests on, and its cell measures nothing."""
    for cell in code_cells(book):
        if "lesson.verdict(" in cell.source:
            if not re.search(r"\bruns=", cell.source):
                yield f"{cell.id}: a verdict that names no runs"
            measuring = r"\bawait\b|\b(record|serve\w*|call_in_process|run_or_stored|time_calls)\("
            if match := re.search(measuring, cell.source):
                yield f"{cell.id}: a measurement in the cell of a verdict: {match[0]}"


def told(book, name: str = "") -> Iterator[str]:
    """Readers see a claim's words and not its code, and no statistic that nobody collected."""
    for cell in book.cells:
        said = [cell.source] if cell.cell_type == "markdown" else list(texts(cell))
        for text in said:
            prose = re.sub(r"(?s)```.*?```", "", text) if cell.cell_type == "markdown" else text
            for what, pattern in NEVER_SAID.items():
                if match := re.search(pattern, prose):
                    yield f"{cell.id}: {what}: {match[0]!r}"


def quoted(book, name: str = "") -> Iterator[str]:
    """Each claim of the lesson is quoted above its experiment, in the words of claims.toml."""
    lines = [line for cell in book.cells for line in cell.source.splitlines() if line[:2] == "> "]
    for claim in claims_of(book.metadata.course["number"]).values():
        if not any(f"*{claim.says}*" in line for line in lines):
            yield f"{claim.id}: its words are quoted nowhere"


def described(book, name: str = "") -> Iterator[str]:
    """What a lesson says of itself is whole: known keys, minutes that a lesson may take."""
    data = book.metadata.course
    for key in {*NEEDED, *NEEDED_FOOT} - set(data):
        yield f"course: no {key}"
    for key in set(data) - {*NEEDED, *NEEDED_FOOT, "picture"}:
        yield f"course: an unknown key: {key}"
    minutes = data.get("minutes")
    least = 0 if data["number"] == "00" else FEWEST_MINUTES
    if not isinstance(minutes, int) or not least < minutes <= MOST_MINUTES:
        yield f"course: {minutes!r} minutes, not {least} to {MOST_MINUTES}"
    for route, its_minutes in data.get("routes", {}).items():
        if route not in ROUTES or not isinstance(its_minutes, int) or its_minutes <= 0:
            yield f"course: route {route!r} with {its_minutes!r} minutes"


def needy(book, name: str = "") -> Iterator[str]:
    """What an experiment needs stands as a tag at its cell, and is written out in it."""
    for cell in code_cells(book):
        for node in ast.walk(ast.parse(plain_python(cell.source))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "lesson.run_or_stored":
                needs = [k.value for k in node.keywords if k.arg == "needs"] or node.args[2:3]
                try:
                    named = ast.literal_eval(needs[0])
                except (IndexError, ValueError):
                    yield f"{cell.id}: what the experiment needs is not written out"
                    continue
                for need in [named] if isinstance(named, str) else named:
                    if f"needs-{need}" not in tags(cell):
                        yield f"{cell.id}: it needs {need}, and has no tag needs-{need}"


def plain_python(source: str) -> str:
    """Return a cell's source without the lines that only IPython understands."""
    return "\n".join("pass" if line[:1] in "%!" and line else line for line in source.split("\n"))


def breakable(book, name: str = "") -> Iterator[str]:
    """A saboteur finds what it replaces, once, in a cell of its claim, and says why."""
    for claim, cells in saboteurs(book).items():
        for cell in cells:
            change = cell.metadata["saboteur"]
            if cell.source.count(change["find"]) != 1:
                yield f"{cell.id}: {change['find']!r} stands there not exactly once"
            if not change.get("why"):
                yield f"{cell.id}: the saboteur does not say why"
            if not tags(cell) & {claim, "setup"}:
                yield f"{cell.id}: a saboteur of {claim} outside of its cells"


def exercised(book, name: str = "") -> Iterator[str]:
    """Exercises come as a stub that raises NotImplementedError and a check, not tried yet."""
    stubs = [cell for cell in code_cells(book) if "exercise" in tags(cell)]
    if book.metadata.course["number"] != "00" and not 1 <= len(stubs) <= 3:
        yield f"{len(stubs)} exercises, not one to three"
    for stub in stubs:
        if "raise NotImplementedError" not in stub.source:
            yield f"{stub.id}: the stub does not raise NotImplementedError"
        own = tags(stub) - {"exercise"}
        checks = [c for c in code_cells(book) if own & tags(c) and "lesson.check(" in c.source]
        if len(checks) != 1:
            yield f"{stub.id}: {len(checks)} checks, not one"
        for check in checks:
            if not any("not tried yet" in text for text in texts(check)):
                yield f"{check.id}: the stored check does not read 'not tried yet'"


def linked(book, name: str = "", folder: Path | None = None) -> Iterator[str]:
    """Every link to a file of the project leads somewhere."""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([^)#\s]+)", cell.source):
                if not re.match(r"https?:", target) and folder and not (folder / target).exists():
                    yield f"{cell.id}: a link that leads nowhere: {target}"


RULES = (
    executed_in_order,
    nothing_of_this_run,
    pictures,
    compared,
    one_screen,
    tagged,
    settled,
    folded,
    only_asks,
    told,
    quoted,
    described,
    needy,
    breakable,
    exercised,
)
