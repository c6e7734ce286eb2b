"""`Story`: what was told, chapter by chapter, and the sentence of each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spikeport.demo.full.images import Images

OnStep = Callable[[str, int, int], None]


@dataclass
class Chapter:
    """A step: its heading, what it took in seconds, what came of it in a sentence, and more of it, HTML or text."""

    heading: str
    seconds: float = 0.0
    sentence: str = ""
    parts: tuple[str, ...] = ()

    def says(self, sentence: str, *parts: str) -> None:
        """Put down what came of the step."""
        self.sentence, self.parts = sentence, parts


@dataclass
class Story:
    """What was told so far.

    Attributes
    ----------
    folder : where the files go
    images : what was learnt from
    chapters : the steps, in order
    accuracy : share of test images with the right answer, by what gave the answers
    same : whether a language or form gave the reference's spikes, None where it is not here
    """

    folder: Path
    images: Images
    on_step: OnStep = lambda step, done, of: None
    chapters: list[Chapter] = field(default_factory=list)
    accuracy: dict[str, float] = field(default_factory=dict)
    same: dict[str, bool | None] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """What all steps took."""
        return sum(chapter.seconds for chapter in self.chapters)

    @property
    def page(self) -> Path:
        """The page that tells it."""
        return self.folder / "story.html"

    @contextmanager
    def chapter(self, heading: str) -> Iterator[Chapter]:
        """Time a step, and put its chapter behind the others."""
        begun, chapter = time.perf_counter(), Chapter(heading)
        self.on_step(heading, 0, 1)
        yield chapter
        chapter.seconds = time.perf_counter() - begun
        self.chapters.append(chapter)
        self.on_step(heading, 1, 1)

    def right(self, who: str, classes: Any) -> str:
        """Keep and return, as a percentage, the share of test images that got their label."""
        self.accuracy[who] = float((classes == self.images.y_test).mean())
        return f"{self.accuracy[who]:.1%}"

    def to_dict(self) -> dict[str, Any]:
        """Return the story as JSON-ready data."""
        chapters = [{"heading": c.heading, "seconds": c.seconds, "sentence": c.sentence} for c in self.chapters]
        given = {"images": self.images.name, "accuracy": self.accuracy, "same": self.same}
        return {**given, "chapters": chapters, "seconds": self.seconds, "page": str(self.page)}
