"""The claims of the notes, as data: who says what, what is true, where it is settled.

Plan: claims.toml beside this file is the one home of a claim's words; this reads it.

Left out: how a claim is settled (verdicts.py).
"""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path

HOLDS, IN_PART, DOES_NOT_HOLD, ANSWERED = "holds", "holds in part", "does not hold", "answered"
NOT_SHOWN, FRAMING = "not shown", "framing"


@dataclass(frozen=True)
class Claim:
    """A claim of the notes: the learner's words, what is precisely true, and where it is settled.

    `rating` is what the experiment decides: by lesson, where lessons settle parts of it.
    """

    id: str
    says: str
    precisely: str
    lessons: list[str]
    rating: str | dict[str, str]
    source: str

    @property
    def is_question(self) -> bool:
        """Tell whether the learner asks something; a question is answered, it can't hold."""
        return self.says.endswith("?")

    def rated(self, lesson: str) -> str:
        """Return what the experiment of this lesson decides."""
        return self.rating if isinstance(self.rating, str) else self.rating[lesson]


@functools.cache
def claims() -> dict[str, Claim]:
    """Return every claim of the course by its id."""
    data = tomllib.loads(Path(__file__).with_name("claims.toml").read_text("utf-8"))
    return {id: Claim(id, **entry) for id, entry in data.items()}


def claims_of(lesson: str) -> dict[str, Claim]:
    """Return the claims that a lesson settles, by id; framing has no experiment."""
    return {
        id: claim
        for id, claim in claims().items()
        if lesson in claim.lessons and claim.rating != FRAMING
    }
