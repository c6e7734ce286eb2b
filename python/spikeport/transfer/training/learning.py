"""The loop, in torch: parameters by layer, a loss on what the output neurons got or sent, epochs, and the best of them.

Every phase begins afresh, with a new optimiser and all draws from the seed: who goes on from a phase's checkpoint gets
what a training that was never stopped would have given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from spikeport.errors import GraphError, MissingExtra

try:
    import torch
    from torch import Tensor, nn
except ImportError:
    raise MissingExtra("torch", "torch", "fine-tuning a network") from None

from spikeport.graph import SNNGraph
from spikeport.interop.torch import from_torch, to_torch
from spikeport.transfer.errors import TransferError
from spikeport.transfer.training.history import Epoch, Outcome
from spikeport.transfer.training.phases import Phase
from spikeport.transfer.training.samples import Samples
from spikeport.transfer.training.settings import Settings

MOST_AT_ONCE = 256
"""Samples that are evaluated at once."""


class Learner:
    """A network in torch that learns phase by phase.

    Parameters
    ----------
    graph : of floats
    settings : how it is trained

    Raises `TransferError` ``device`` where the device is not here, and as `spikeport.interop.torch.to_torch`.
    """

    def __init__(self, graph: SNNGraph, settings: Settings) -> None:
        self.net = to_torch(graph, T=settings.T, encoding=settings.encoding, surrogate=settings.surrogate)
        self.settings = settings
        self._watch: Any = None
        self._output = graph[-1].name
        try:
            self.device = torch.device("cpu" if settings.device is None else settings.device)
            self.net.to(self.device)
            torch.zeros(1, device=self.device).item()
        except (RuntimeError, AssertionError, TypeError) as error:
            reason = str(error).partition("\n")[0]
            raise TransferError("device", f"device {settings.device!r} is not to be had here: {reason}") from None

    @contextmanager
    def watched_by(self, profiler: Any, every: int | None) -> Iterator[None]:
        """Have a profiler, or None, watch what is learnt meanwhile."""
        if profiler is None:
            yield
            return
        with profiler.watch(self.net, every, follow=False) as self._watch:
            yield
        self._watch = None

    def learn(self, phase: Phase, samples: Samples, unseen: Samples | None, advance: Callable[[int], Any]) -> Outcome:
        """Train one phase; ``advance`` is called with 1 after each epoch.

        Raises `TransferError` ``diverged`` where a loss is not finite.
        """
        groups = self._groups(phase)
        parameters = [parameter for group in groups for parameter in group["params"]]
        optimiser = _optimiser(self.settings, groups)
        order = torch.Generator().manual_seed(self.settings.seed)
        best = None if unseen is None else _Best(parameters)
        epochs: list[Epoch] = []
        if unseen is not None and best is not None:
            epochs.append(Epoch(0, None, None, *self._measured(unseen, 0)))
            best.see(epochs[0])
        for number in range(1, phase.epochs + 1):
            while_learning = self._epoch(number, samples, order, optimiser, parameters)
            after = () if unseen is None else self._measured(unseen, number)
            epochs.append(Epoch(number, *while_learning, *after))
            advance(1)
            if best is not None and best.see(epochs[-1]) == self.settings.patience:
                break
        if best is not None:
            best.restore()
        return Outcome(tuple(epochs), number if best is None else best.number, number < phase.epochs)

    def graph(self) -> SNNGraph:
        """Return the network as it now is; raises `TransferError` ``diverged`` where a weight is not finite."""
        try:
            return from_torch(self.net)
        except GraphError as error:
            raise TransferError("diverged", f"{error}: train with lower learning rates, or with clip=1.0") from None

    def _groups(self, phase: Phase) -> list[dict[str, Any]]:
        """Let the layers of the phase learn, no other one, and return a group of parameters for each."""
        groups = []
        for name in self.net.layer_names:
            parameters = list(self.net.node(name).parameters(recurse=False))  # a.b lies within a
            for parameter in parameters:
                parameter.requires_grad_(name in phase.rates)
                parameter.grad = None
            if name in phase.rates:
                groups.append({"params": parameters, "lr": phase.rates[name], "name": name})
        return groups

    def _epoch(
        self, number: int, samples: Samples, order: torch.Generator, optimiser: Any, parameters: list[nn.Parameter]
    ) -> tuple[float, float]:
        """Go through the samples once and return loss and accuracy while learning."""
        total, right = 0.0, 0
        rows = torch.split(torch.randperm(len(samples), generator=order), self.settings.batch_size)
        for batch, chosen in enumerate(rows):
            if self._watch is not None:
                self._watch.begin()
            draw = 1 + (number - 1) * len(rows) + batch  # other spikes in each batch than those of the measurement
            logits, labels = self._logits(samples.take(chosen.numpy()), draw)
            loss = nn.functional.cross_entropy(logits, labels)
            total += self._finite(float(loss.detach()), number) * len(chosen)
            right += int((logits.argmax(1) == labels).sum())
            optimiser.zero_grad()
            torch.autograd.backward(loss)
            if self._watch is not None:
                self._watch.see_backward()
            if self.settings.clip is not None:
                nn.utils.clip_grad_norm_(parameters, self.settings.clip)
            optimiser.step()
            if self._watch is not None:
                self._watch.end()
        return total / len(samples), right / len(samples)

    def _measured(self, samples: Samples, number: int) -> tuple[float, float]:
        """Return loss and accuracy of the network as it is."""
        total, right = 0.0, 0
        with torch.no_grad():
            for start in range(0, len(samples), MOST_AT_ONCE):
                part = Samples(samples.x[start : start + MOST_AT_ONCE], samples.labels[start : start + MOST_AT_ONCE])
                logits, labels = self._logits(part, 0)
                total += float(nn.functional.cross_entropy(logits, labels, reduction="sum"))
                right += int((logits.argmax(1) == labels).sum())
        return self._finite(total / len(samples), number), right / len(samples)

    def _logits(self, samples: Samples, draw: int) -> tuple[Tensor, Tensor]:
        """Return what the loss is taken of, shape (batch, classes), and the labels."""
        seed = (self.settings.seed + draw) % 2**64
        run = self.net.run(torch.tensor(samples.x, device=self.device), seed=seed)
        if self.settings.loss == "counts":
            read = run.counts[self._output]
        else:
            read = run.drive if self.settings.encoding == "pulse" else run.drive / run.timesteps
        return read.flatten(1) * self.settings.logit_scale, torch.tensor(samples.labels, device=self.device)

    def _finite(self, loss: float, number: int) -> float:
        if not math.isfinite(loss):
            raise TransferError(
                "diverged",
                f"the loss is {loss} in epoch {number}: train with lower learning rates, or with clip=1.0",
            )
        return loss


class _Best:
    """The weights of the epoch with the least validation loss so far."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.number, self._loss = 0, math.inf
        self._parameters = parameters
        self._values: list[Tensor] = []

    def see(self, epoch: Epoch) -> int:
        """Look at the network after an epoch, and return how many epochs ago it was at its best."""
        assert epoch.validation_loss is not None
        if epoch.validation_loss < self._loss:
            self.number, self._loss = epoch.number, epoch.validation_loss
            self._values = [parameter.detach().clone() for parameter in self._parameters]
        return epoch.number - self.number

    def restore(self) -> None:
        """Give the network its weights again."""
        with torch.no_grad():
            for parameter, value in zip(self._parameters, self._values, strict=True):
                parameter.copy_(value)


def _optimiser(settings: Settings, groups: list[dict[str, Any]]) -> Any:
    if settings.optimiser == "adam":
        return torch.optim.Adam(groups)
    if settings.optimiser == "sgd":
        return torch.optim.SGD(groups, momentum=settings.momentum)
    made = settings.optimiser(groups)
    if not isinstance(made, torch.optim.Optimizer):
        raise TransferError(
            "optimiser",
            f"optimiser made a {type(made).__name__}: give a function from parameter groups to a torch optimiser, such "
            "as functools.partial(torch.optim.AdamW, weight_decay=0.01)",
        )
    return made
