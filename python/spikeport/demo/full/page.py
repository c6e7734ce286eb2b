"""The page of the story: one section a chapter, its time beside it."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from spikeport.certificate import Certificate
from spikeport.demo.full.story import Story
from spikeport.report.page import Html, Page, badge, paragraph, preformatted, table, tiles


def certificate(given: Certificate) -> Html:
    """Return a certificate as a paragraph, its level as a badge."""
    return paragraph(badge(given.level) + str(given).removeprefix(given.level))


def write_page(story: Story) -> Path:
    """Write ``story.html`` and return its path."""
    page = Page(
        "One network, from training to a microcontroller",
        f"{story.images.name}: {len(story.images.x_train):,} images to learn from, "
        f"{len(story.images.x_test):,} to judge by.",
    )
    same = [value for value in story.same.values() if value is not None]
    page.section(
        "In short",
        tiles(
            {who: f"{share:.1%}" for who, share in story.accuracy.items()}
            | {"give the same spikes": f"{sum(same)} of {len(same)}", "seconds in all": round(story.seconds)}
        ),
        "Shares are of test images with the right answer: by the trained network, then by what each step made of it.",
    )
    for number, chapter in enumerate(story.chapters, 1):
        page.section(f"{number}. {chapter.heading}", chapter.sentence, *chapter.parts)
    page.section(
        "Time",
        table(["step", "seconds"], [[chapter.heading, round(chapter.seconds, 1)] for chapter in story.chapters]),
    )
    page.section(
        "Make it again",
        "The first command makes this page and all files beside it; the others, in its folder, go on from there.",
        preformatted(
            f"spikeport demo --full --folder {quote(str(story.folder))}\n"
            "spikeport inspect story_floats\nspikeport export c story_int8 again.c\n"
            "cc -std=c99 -O2 story.c -o story && ./story"
        ),
    )
    return page.save(story.page)
