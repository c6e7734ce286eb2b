"""Training a network with the activation that it will be converted with: replace, train, convert.

Bu et al. 2022: what a network learns with QCFS at T it keeps when it is converted and run for T steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from spikeport.checks import is_whole, takes
from spikeport.conversion.checks import as_array, check_timesteps
from spikeport.conversion.qcfs import QCFSActivation, replace_relu_with_qcfs
from spikeport.errors import ConversionError
from spikeport.reading.torch import evaluating
from spikeport.report.progress import bar

LEARNING_RATE = 1e-3
BATCH = 64
Loss = Callable[[Any, Any], Tensor]


@dataclass(frozen=True)
class Epoch:
    """One pass over the data.

    Attributes
    ----------
    loss : mean over the samples, while the network learnt
    accuracy : share of right answers, while it learnt; None where the labels are values
    validation_accuracy : of the network after the epoch, or None without data for it
    thetas : θ of each activation after the epoch
    """

    loss: float
    accuracy: float | None
    validation_accuracy: float | None
    thetas: tuple[float, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


@takes("T", instead_of="timesteps")
def train_qcfs(
    model: nn.Module,
    loader: Any,
    T: int,
    epochs: int,
    *,
    theta: float | None = None,
    optimiser: Callable[[Iterable[nn.Parameter]], torch.optim.Optimizer] | None = None,
    loss: Loss | None = None,
    validation: Any = None,
    device: torch.device | str | None = None,
    seed: int | None = 0,
    progress: bool = False,
) -> list[Epoch]:
    """Train ``model``, in place, with a `QCFSActivation` of ``T`` levels where it has an ``nn.ReLU``.

    Then ``convert(model, …, T=T)`` takes θ over as it was learnt. A trained ReLU network learns on from where it is.

    Parameters
    ----------
    model : whose activations are modules; those that are QCFS already are left, and must have T levels
    loader : of batches (samples, labels), to go through once an epoch, or a pair (samples, labels), shuffled in batches
        of 64
    T, epochs : at least 1
    theta : where θ begins; by default at the largest activation of the first batch, layer by layer
    optimiser : from parameters to an optimiser, such as ``partial(torch.optim.SGD, lr=0.1)``; by default Adam at 1e-3.
        The learning rate falls to 0 along half a cosine
    loss : of (outputs, labels); by default cross entropy for whole numbers, mean squared error for others
    validation : as ``loader``; its accuracy is measured after each epoch
    device : by default the model's
    seed : of shuffling and dropout; the state of torch's generator is left as it was. None takes it as it is

    Returns
    -------
    list of Epoch
        The model is left in eval mode, on ``device``.

    Raises
    ------
    ConversionError
        ``timesteps``, ``epochs``, ``threshold``, ``optimiser``, ``labels`` for batches without them, ``samples`` for no
        batch, ``non_finite`` where the loss is not finite, ``model`` for one without ReLU, or with QCFS of another T.
    """
    T = check_timesteps(T)
    if not is_whole(epochs) or epochs < 1:
        raise ConversionError("epochs", f"epochs must be a whole number of at least 1, not {epochs!r}")
    if isinstance(optimiser, torch.optim.Optimizer):
        raise ConversionError(
            "optimiser",
            "an optimiser does not hold the θ that are put into the model now: give what makes one, such as "
            "functools.partial(torch.optim.SGD, lr=0.1)",
        )
    with torch.random.fork_rng(enabled=seed is not None):
        if seed is not None:
            torch.manual_seed(seed)
        model.to(device)
        batches, unseen = _batches(loader, shuffle=True), None if validation is None else _batches(validation)
        activations = _prepared(model, batches, T, theta)
        step = (optimiser or _adam)(model.parameters())
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(step, int(epochs))
        history: list[Epoch] = []
        with bar("training", int(epochs), shown=progress) as advance:
            for number in range(1, int(epochs) + 1):
                mean, accuracy = _epoch(model.train(), batches, step, loss, number)
                schedule.step()
                right = None if unseen is None else _accuracy(model, unseen)
                history.append(Epoch(mean, accuracy, right, tuple(a.threshold for a in activations)))
                advance(1)
    model.eval()
    return history


def _adam(parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=LEARNING_RATE)


def _batches(given: Any, *, shuffle: bool = False) -> Iterable[Any]:
    """Return what can be gone through once an epoch."""
    if isinstance(given, tuple) and len(given) == 2:
        samples, labels = (as_array("training data", part) for part in given)
        if len(samples) != len(labels):
            raise ConversionError("labels", f"{len(labels)} labels were given for {len(samples)} samples")
        data = TensorDataset(torch.tensor(np.asarray(samples)), torch.tensor(np.asarray(labels)))
        return DataLoader(data, BATCH, shuffle=shuffle)
    if isinstance(given, Iterator) or not isinstance(given, Iterable):
        raise ConversionError(
            "samples",
            f"a {type(given).__name__} cannot be gone through once an epoch: give a DataLoader, or (samples, labels)",
        )
    return given


def _on(model: nn.Module, batch: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(batch, Sequence) or len(batch) != 2:
        raise ConversionError("labels", "a batch must be (samples, labels): give a loader of such pairs")
    first = next(model.parameters())
    samples, labels = (torch.as_tensor(part, device=first.device) for part in batch)
    labels = labels.long() if not labels.is_floating_point() else labels.to(first.dtype)
    return samples.to(first.dtype), labels


def _prepared(model: nn.Module, batches: Iterable[Any], T: int, theta: float | None) -> list[QCFSActivation]:
    """Put QCFS into the model, θ at the largest activation of the first batch, and return all of it."""
    if any(type(module) is nn.ReLU for module in model.modules()):
        kept = [module for module in model.modules() if isinstance(module, QCFSActivation)]
        replace_relu_with_qcfs(model, T, 1.0 if theta is None else theta)
        if theta is None:
            new = [m for m in model.modules() if isinstance(m, QCFSActivation) and all(m is not old for old in kept)]
            _begin(model, new, batches)
    activations = [module for module in model.modules() if isinstance(module, QCFSActivation)]
    if not activations:
        raise ConversionError("model", f"{type(model).__name__} holds no nn.ReLU and no QCFSActivation to train with")
    other = [module.T for module in activations if module.T != T]
    if other:
        raise ConversionError("model", f"it holds QCFSActivation with T={other[0]}, and T={T} was asked for")
    return activations


def _begin(model: nn.Module, activations: list[QCFSActivation], batches: Iterable[Any]) -> None:
    """Set θ, layer by layer as they run, to the largest value that reaches it; 1 stays where none is above 0."""

    def widen(module: nn.Module, args: tuple[Any, ...]) -> None:
        largest = float(args[0].max())
        assert isinstance(module, QCFSActivation)
        if largest > 0:
            module.theta.fill_(largest)

    hooks = [activation.register_forward_pre_hook(widen) for activation in activations]
    try:
        with evaluating(model):
            batch = next(iter(batches), None)
            if batch is None:
                raise ConversionError("samples", "there is no batch to train on: give some")
            model(_on(model, batch)[0])
    finally:
        for hook in hooks:
            hook.remove()


def _epoch(
    model: nn.Module, batches: Iterable[Any], step: torch.optim.Optimizer, loss: Loss | None, number: int
) -> tuple[float, float | None]:
    count, total, right, classes = 0, 0.0, 0, True
    for batch in batches:
        samples, labels = _on(model, batch)
        outputs = model(samples)
        classes = not labels.is_floating_point()
        value = (loss or (nn.functional.cross_entropy if classes else nn.functional.mse_loss))(outputs, labels)
        if not bool(torch.isfinite(value)):
            raise ConversionError(
                "non_finite", f"the loss is {float(value.detach())} in epoch {number}: train with a lower learning rate"
            )
        step.zero_grad()
        torch.autograd.backward(value)
        step.step()
        count, total = count + len(samples), total + float(value.detach()) * len(samples)
        right += int((outputs.argmax(1) == labels).sum()) if classes and outputs.dim() == 2 else 0
    if not count:
        raise ConversionError("samples", f"epoch {number} had no batch: give a loader that can be gone through again")
    return total / count, right / count if classes else None


def _accuracy(model: nn.Module, batches: Iterable[Any]) -> float:
    count = right = 0
    with evaluating(model):
        for batch in batches:
            samples, labels = _on(model, batch)
            right += int((model(samples).argmax(1) == labels).sum())
            count += len(samples)
    return right / max(count, 1)
