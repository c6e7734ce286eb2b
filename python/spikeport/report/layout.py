"""Where the boxes of a network stand, and how its arrows go (Sugiyama, Tagawa and Toda 1981, in small).

- A box stands one row below the lowest of those that it reads. An arrow over more than one row gets a place of its own
  in each row between, so that it crosses no box.
- The places of a row are ordered by the mean position of what they are joined to, then moved towards it as near as the
  distances between them allow. A place of an arrow weighs next to nothing, so that a chain stays a straight line.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Point = tuple[float, float]

GAP, ROW_GAP = 20.0, 28.0
"""Between two places of a row, and between two rows, in pixels."""

PORT = 12.0
"""Between two arrows that lead to one box, where there is room."""

TRUNK, BOX, PASSING = 1e6, 1.0, 1e-3
"""What a box of the longest way weighs where places crowd each other, what another one, what an arrow that passes."""

SWEEPS, ORDERING = 24, 12


class Layout(NamedTuple):
    """Positions in pixels.

    Attributes
    ----------
    corners : of each box, its upper left one
    ways : the points that each arrow goes through, from the lower edge of one box to the upper edge of the other
    size : width and height of the whole
    """

    corners: list[Point]
    ways: list[list[Point]]
    size: Point


def laid_out(count: int, box: Point, arrows: Sequence[tuple[int, int]]) -> Layout:
    """Return where ``count`` boxes of one size (width, height) stand, each below those whose arrows lead to it.

    Raises ValueError for an arrow (from, to) that does not lead from a box to one behind it.
    """
    if wrong := [arrow for arrow in arrows if not 0 <= arrow[0] < arrow[1] < count]:
        raise ValueError(f"the arrow {wrong[0]} does not lead from one of {count} boxes to one behind it")
    row, longest = [0] * count, [-1] * count
    for source, target in sorted(arrows, key=lambda arrow: arrow[1]):
        if row[source] >= row[target]:
            row[target], longest[target] = row[source] + 1, source
    weights, trunk = [BOX] * count, count - 1
    while trunk >= 0:
        weights[trunk], trunk = TRUNK, longest[trunk]
    places: list[list[int]] = []
    for source, target in arrows:
        passing = range(len(row), len(row) + row[target] - row[source] - 1)
        row += range(row[source] + 1, row[target])
        places.append([source, *passing, target])
    weights += [PASSING] * (len(row) - count)
    half = [box[0] / 2] * count + [0.0] * (len(row) - count)
    x = _across(row, weights, half, [pair for way in places for pair in pairwise(way)])
    left = min(middle - side for middle, side in zip(x, half, strict=True)) - 2
    x = [middle - left for middle in x]
    right = max(middle + side for middle, side in zip(x, half, strict=True)) + 2
    top = [2 + r * (box[1] + ROW_GAP) for r in range(max(row) + 1)]
    ways = []
    for way, port in zip(places, _ports(places, x, box[0]), strict=True):
        between = [(x[k], y) for k in way[1:-1] for y in (top[row[k]], top[row[k]] + box[1])]
        first, last = way[0], way[-1]
        ways.append([(x[first], top[row[first]] + box[1]), *between, (x[last] + port, top[row[last]])])
    corners = [(x[k] - half[k], top[row[k]]) for k in range(count)]
    return Layout(corners, ways, (right, top[-1] + box[1] + 2))


def _across(row: list[int], weights: list[float], half: list[float], joined: list[tuple[int, int]]) -> list[float]:
    """Return the middle of each place from left to right; that of the longest way is 0."""
    above, below, rows = defaultdict(list), defaultdict(list), defaultdict(list)
    for upper, lower in joined:
        above[lower].append(upper)
        below[upper].append(lower)
    for k, r in enumerate(row):
        rows[r].append(k)
    x = [0.0] * len(row)
    for sweep in range(SWEEPS + 1):
        downward, orders = sweep % 2 == 0, sweep < ORDERING
        for r in sorted(rows, reverse=not downward):
            wanted = {}
            for k in rows[r]:
                near = above[k] + below[k] if not orders else above[k] if downward else below[k]
                near = [] if weights[k] == TRUNK else near or [k]
                total = sum(weights[j] for j in near)
                wanted[k] = sum(x[j] * weights[j] / total for j in near)
            if orders:
                rows[r] = [k for _, k in sorted((wanted[k], k) for k in rows[r])]
            for k, middle in zip(rows[r], _apart(rows[r], wanted, weights, half), strict=True):
                x[k] = middle
    return x


def _apart(places: list[int], wanted: dict[int, float], weights: list[float], half: list[float]) -> list[float]:
    """Return the positions nearest to those ``wanted``, in their order and far enough apart (least squares, by pooling
    those that would overlap).
    """
    offsets = [0.0]
    for a, b in pairwise(places):
        offsets.append(offsets[-1] + half[a] + GAP + half[b])
    pools: list[tuple[float, float, int]] = []  # mean, weight, number of places
    for k, offset in zip(places, offsets, strict=True):
        pool = (wanted[k] - offset, weights[k], 1)
        while pools and pools[-1][0] > pool[0]:
            mean, weight, size = pools.pop()
            total = weight + pool[1]
            pool = ((mean * weight + pool[0] * pool[1]) / total, total, size + pool[2])
        pools.append(pool)
    means = [mean for mean, _, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _ports(places: list[list[int]], x: list[float], width: float) -> list[float]:
    """Return how far from the middle of its box each arrow arrives: side by side, in the order in which they come."""
    arriving = defaultdict(list)
    for number, way in enumerate(places):
        arriving[way[-1]].append(number)
    ports = [0.0] * len(places)
    for numbers in arriving.values():
        step = min(PORT, (width - 2 * PORT) / len(numbers))
        for place, number in enumerate(sorted(numbers, key=lambda n: (x[places[n][-2]], n))):
            ports[number] = step * (place - (len(numbers) - 1) / 2)
    return ports
