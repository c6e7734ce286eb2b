"""A run in time: which steps are computed at once, and what is remembered of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spikeport.roberta.modules.st_bif import STBIF
from spikeport.roberta.modules.stream import Clock

PREFERRED_CHUNK = 16


@dataclass(frozen=True)
class SpikingRun:
    """What a run did.

    Attributes
    ----------
    trajectory : logits after every step, shape (steps, batch, classes); a sentence that settled keeps its last
    settled_at : steps until nothing moved any more, shape (batch,); -1 where that was not seen
    steps_run : steps that were computed, shape (batch,)
    spikes : spikes of each sentence's own tokens, by the name of the ST-BIF module, shape (batch,)
    first_spikes : those of the first token alone, which has more targets where the last layer reads
    """

    trajectory: Tensor
    settled_at: Tensor
    steps_run: Tensor
    spikes: dict[str, Tensor]
    first_spikes: dict[str, Tensor]

    @property
    def logits(self) -> Tensor:
        """Logits after the last step, shape (batch, classes)."""
        return self.trajectory[-1]

    @property
    def steps(self) -> int:
        """Number of steps of the trajectory."""
        return len(self.trajectory)


@dataclass(frozen=True)
class Plan:
    """How a batch is cut: ``sentences`` at once, ``steps`` at once, at most ``limit`` steps, a cut at ``border``."""

    sentences: int
    steps: int
    limit: int
    border: int

    def chunks(self) -> Iterator[int]:
        """Yield the number of steps of each chunk.

        One chunk begins where the biases end: from there a linear layer adds its bias as the quantised network
        does, in one product, so that equal sums are equal to the bit.
        """
        at = 0
        while at < self.limit:
            end = min(at + self.steps, self.limit, self.border if at < self.border else self.limit)
            yield end - at
            at = end


def plan_chunks(batch: int, sentence_bytes: int, budget: int, limit: int, border: int, chunk: int | None) -> Plan:
    """Return the plan whose largest activation, ``sentence_bytes`` a sentence and step, stays within ``budget``.

    Steps come first, up to a preferred number, then sentences: a long chunk of few sentences stays in cache.
    """
    room = max(1, budget // max(1, sentence_bytes))
    steps = min(chunk or min(PREFERRED_CHUNK, room), limit)
    return Plan(max(1, min(batch, room // steps)), steps, limit, border)


class Record:
    """Spikes and settling of every sentence, added up chunk by chunk; the device is asked once a chunk.

    ``tokens``, shape (batch, tokens), is 1 where a token counts: the sentence's own, and the first one, which the
    classifier reads whatever it is.
    """

    def __init__(self, neurons: Mapping[str, STBIF], attention_mask: Tensor, unfolding_steps: int) -> None:
        self.neurons, self.tokens = neurons, attention_mask.clone()
        self.tokens[:, 0] = 1
        tokens = self.tokens
        self.spikes = {name: tokens.new_zeros(len(tokens), dtype=torch.int64) for name in neurons}
        self.first_spikes = {name: count.clone() for name, count in self.spikes.items()}
        self.last_move = torch.full_like(tokens[:, 0], unfolding_steps, dtype=torch.int64)
        self.steps = 0

    def add(self, clock: Clock) -> bool:
        """Add the chunk that has just been run, and return whether every sentence has settled."""
        moved = self.tokens.new_zeros(clock.steps, len(self.tokens))
        for name, neuron in self.neurons.items():
            assert neuron.activity is not None
            spikes, first = self._of_tokens(neuron.activity)
            self.spikes[name] += spikes.sum(0).to(torch.int64)
            self.first_spikes[name] += first.sum(0).to(torch.int64)
            moved += spikes
        self.steps = clock.start + clock.steps
        number = torch.arange(clock.start + 1, self.steps + 1, device=moved.device)
        self.last_move = torch.maximum(self.last_move, torch.where(moved > 0, number[:, None], 0).amax(0))
        return bool((self.last_move < self.steps).all())

    def run(self, trajectory: Tensor) -> SpikingRun:
        """Return the run with these logits; a sentence has settled where a quiet step was seen after its last move."""
        settled_at = torch.where(self.last_move < self.steps, self.last_move, -1)
        return SpikingRun(
            trajectory, settled_at, torch.full_like(settled_at, self.steps), self.spikes, self.first_spikes
        )

    def _of_tokens(self, activity: Tensor) -> tuple[Tensor, Tensor]:
        """Return spikes of all tokens and of the first, shape (steps, batch): padding left out, heads added up."""
        if activity.dim() == 2:
            return activity, activity
        if activity.dim() == 4:
            activity = activity.sum(2)
        if activity.shape[-1] == 1:  # the last layer's first token
            return activity[..., 0], activity[..., 0]
        return torch.einsum("tbn,bn->tb", activity, self.tokens), activity[..., 0]


def join_runs(runs: list[SpikingRun]) -> SpikingRun:
    """Return the runs of groups of sentences as one run of the batch."""
    if len(runs) == 1:
        return runs[0]
    steps = max(run.steps for run in runs)
    held = [torch.cat([r.trajectory, r.trajectory[-1:].expand(steps - r.steps, -1, -1)]) for r in runs]
    return SpikingRun(
        torch.cat(held, dim=1),
        torch.cat([run.settled_at for run in runs]),
        torch.cat([run.steps_run for run in runs]),
        {name: torch.cat([run.spikes[name] for run in runs]) for name in runs[0].spikes},
        {name: torch.cat([run.first_spikes[name] for run in runs]) for name in runs[0].first_spikes},
    )
