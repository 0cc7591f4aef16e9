"""Make the learner's own copies of the lessons, without outputs, in my_lessons/.

Plan: the stored lessons show their figures and verdicts, for reading; who works through one
wants no answer under its question. So each lesson is copied once, its outputs left out, and
from then on the copy is the learner's: it is never written again unless asked for, and the
old one is kept even then. A note of what was copied tells a copy that nobody has touched,
which follows its lesson, from one that holds somebody's work. The folder is no part of the
repository.

Usage: copies.py            makes what is missing, and says which lessons have changed since
       copies.py --fresh    makes all of them afresh; the old ones go to my_lessons/old
       copies.py --fresh 10   this lesson only
"""

import hashlib
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = "my_lessons"
NOTE = ".copied.json"


def without_outputs(text: str) -> str:
    """Return a notebook's text without what its cells gave."""
    book = json.loads(text)
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
    return json.dumps(book, indent=1, ensure_ascii=False) + "\n"


def originals(root: Path) -> dict[str, bytes]:
    """Return what a folder of copies holds, by name: every notebook, and the data they read."""
    lessons = sorted((root / "notebooks").glob("*.ipynb"))
    found = {path.name: without_outputs(path.read_text("utf-8")).encode() for path in lessons}
    for folder in ("data", "thumbnails"):
        files = sorted(path for path in (root / "notebooks" / folder).glob("*") if path.is_file())
        found |= {f"{folder}/{path.name}": path.read_bytes() for path in files}
    return found


def digest(data: bytes) -> str:
    """Return a short digest."""
    return hashlib.sha256(data).hexdigest()


def make(root: Path = ROOT) -> list[str]:
    """Make the copies that are missing; return the lessons that changed after theirs was begun."""
    folder, changed = root / FOLDER, []
    note = _read(folder)
    for name, data in originals(root).items():
        path, wanted = folder / name, digest(data)
        untouched = path.exists() and digest(path.read_bytes()) == note.get(name)
        if not path.exists() or (untouched and note[name] != wanted):
            _write(path, data)
            note[name] = wanted
        elif note.get(name) != wanted and not untouched:
            changed.append(name)
    _write(folder / NOTE, json.dumps(note, indent=1).encode())
    return changed


def renew(lesson: str = "", root: Path = ROOT) -> list[tuple[Path, Path]]:
    """Make copies afresh: of the lesson whose name begins so, or of all.

    Return where the old ones lie now. A ValueError if there is no such lesson.
    """
    wanted = Path(lesson).name
    names = [n for n in originals(root) if "/" not in n and n.startswith(wanted)]
    if not names:
        raise ValueError(f"there is no lesson {lesson!r}")
    folder, kept = root / FOLDER, []
    note = _read(folder)
    for name in names:
        path = folder / name
        if path.exists() and digest(path.read_bytes()) != note.get(name):
            kept.append((path, _set_aside(path)))
        path.unlink(missing_ok=True)
    make(root)
    return kept


def _set_aside(path: Path) -> Path:
    old = path.parent / "old"
    old.mkdir(exist_ok=True)
    stamp = time.strftime("%Y-%m-%d %H.%M.%S")
    for number in range(1, 1000):
        target = old / f"{path.stem} {stamp}{f' {number}' if number > 1 else ''}{path.suffix}"
        if not target.exists():
            return path.rename(target)
    raise FileExistsError(target)


def _read(folder: Path) -> dict[str, str]:
    try:
        return json.loads((folder / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # lost: then each copy counts as somebody's work


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def main(arguments: list[str], root: Path = ROOT) -> None:
    """Do what the command line asks for, and say what was done."""
    if "--fresh" in arguments:
        rest = [argument for argument in arguments if argument != "--fresh"]
        try:
            kept = renew(rest[0] if rest else "", root)
        except ValueError as error:
            sys.exit(f"backend-on-the-wire: {error}")
        for _, old in kept:
            print(f"Your copy is kept: {old.relative_to(root).as_posix()}")
        print(f"Fresh copies are in {FOLDER}/.")
        return
    for name in make(root):
        print(
            f"{name} has changed since your copy was made. Yours is left as it is; "
            f"`make fresh NB={name[:2]}` gives you the new one and keeps yours."
        )


if __name__ == "__main__":
    main(sys.argv[1:])
