"""LSQInteger: a tensor rounded to a few levels of a learned scale.

Esser et al. 2020, "Learned step size quantization"::

    Qn, Qp = -(L//2), L//2 - 1     signed
    Qn, Qp = 0, L - 1              unsigned
    q = clamp(floor(x/s + 1/2), Qn, Qp)
    y = s·q

Gradients: the floor is passed straight through, so with g = 1/√(Qp·numel(x))::

    dy/dx = 1 inside the range, 0 outside
    dy/ds = g·(q - x/s) inside the range, g·Qn or g·Qp outside
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from spikeport.checks import is_whole
from spikeport.roberta.errors import RobertaError

SMALLEST_SCALE = 1e-8
CANDIDATES = 40
"""Scales that calibration tries between 0 and the one that cuts nothing, and again around the best of them."""
ENOUGH = 2**18
"""Values that calibration looks at, evenly drawn from all."""


def level_bounds(level: int, signed: bool) -> tuple[int, int]:
    """Return (Qn, Qp), the lowest and the highest level.

    Raises
    ------
    RobertaError
        ``level``: not a whole number, or so few that no positive level is left (2 unsigned, 4 signed, at least).
    """
    fewest = 4 if signed else 2
    if not is_whole(level) or level < fewest:
        kind = "a signed" if signed else "an unsigned"
        raise RobertaError("level", f"level {level!r}: {kind} quantiser needs a whole number of at least {fewest}")
    level = int(level)
    return (-(level // 2), level // 2 - 1) if signed else (0, level - 1)


class LSQInteger(nn.Module):
    """Quantise a tensor of any shape to ``level`` levels of one learned scale.

    ``scale`` is a parameter, so it is saved, loaded and moved with the model; its absolute value is used, so it
    stays positive whatever an optimiser does. Its shape is (1,), since FSDP shards no parameter without a dimension.

    Parameters
    ----------
    level : number of levels L
    signed : whether the levels lie on both sides of 0
    scale : s, before calibration or training

    Raises
    ------
    RobertaError
        ``level``, ``scale``.
    """

    def __init__(self, level: int = 32, signed: bool = False, scale: float = 1.0) -> None:
        super().__init__()
        self.q_min, self.q_max = level_bounds(level, signed)
        if not (math.isfinite(scale) and scale > 0):
            raise RobertaError("scale", f"scale {scale} is not a finite number above 0")
        self.level, self.signed = int(level), signed
        self.scale = nn.Parameter(torch.tensor([float(scale)]))
        self.counted: Tensor | None = None
        self.calibrating, self.observations = False, 0

    def forward(self, x: Tensor) -> Tensor:
        """Return s·q, of the shape and dtype of ``x``; while calibrating, take the scale from ``x`` first."""
        if self.calibrating:
            self._observe(x)
        return _quantise(x, positive(self.scale), self.q_min, self.q_max)

    def start_calibration(self, counted: Tensor | None = None) -> None:
        """Take the scale from the data of every forward pass until `end_calibration`.

        ``counted``, shape (batch, tokens), is not 0 where a token counts; without it every value does.
        """
        self.calibrating, self.observations, self.counted = True, 0, counted

    def end_calibration(self) -> int:
        """Keep the scale as it is now, and return the number of forward passes that have set it."""
        self.calibrating, self.counted = False, None
        return self.observations

    @torch.no_grad()
    def _observe(self, x: Tensor) -> None:
        if self.counted is not None and x.dim() > 2:  # (batch, tokens, width) or (batch, heads, tokens, width)
            x = (x.transpose(1, 2) if x.dim() == 4 else x)[self.counted != 0]
        self.observations += 1
        self.scale.fill_(fitted_scale(x, self.q_min, self.q_max) or self.scale.item())

    def extra_repr(self) -> str:
        """Return what ``print(model)`` shows of this module."""
        return f"level={self.level}, signed={self.signed}"


def positive(scale: Tensor) -> Tensor:
    """Return the scale, shape (1,), as it is used: its absolute value, never 0, as a scalar of shape ()."""
    return scale.abs().clamp_min(SMALLEST_SCALE).squeeze(0)


def levels(x: Tensor, scale: Tensor, q_min: int, q_max: int, *, in_place: bool = False) -> Tensor:
    """Return q = clamp(floor(x/s + 1/2), Qn, Qp) as whole numbers in the dtype of ``x``; no gradient.

    The quantiser and its spiking twin `spikeport.roberta.modules.st_bif.STBIF` both round here and nowhere else, so
    equal sums give equal levels, to the bit.
    """
    return (x.div_(scale) if in_place else x / scale).add_(0.5).floor_().clamp_(q_min, q_max)


def fitted_scale(x: Tensor, q_min: int, q_max: int) -> float:
    """Return the scale s that makes ``Σ (s·q(x/s) - x)²`` least of those tried; 0 where every scale does the same.

    A few large values may be worth cutting for finer levels of the many: the error says so, where a mean cannot.
    """
    values = x.detach().flatten()[:: _stride(x)].double()
    if not len(values):
        return 0.0
    widest = float((values / q_max).max())
    if q_min < 0:
        widest = max(widest, float((values / q_min).max()))
    if not 0 < widest < math.inf:
        return math.nan if not bool(torch.isfinite(values).all()) else 0.0
    step, best = widest / CANDIDATES, widest
    tried = [step * number for number in range(1, CANDIDATES + 1)]
    for _ in range(2):
        errors = [float(_squared_error(values, scale, q_min, q_max)) for scale in tried]
        best = tried[errors.index(min(errors))]
        tried = [best + step * (2 * number / CANDIDATES - 1) for number in range(1, CANDIDATES)]
    return max(best, SMALLEST_SCALE)


def _stride(x: Tensor) -> int:
    """Return a step through the values of ``x`` that takes no more than `ENOUGH`, of every feature as many.

    A step that has a divisor in common with the width would see some features alone: every 60th value of rows of 768
    lies in one of 64.
    """
    stride, width = max(1, -(-x.numel() // ENOUGH)), math.prod(x.shape[1:])
    while math.gcd(stride, width) > 1 and stride < x.numel():
        stride += 1
    return stride


def _squared_error(values: Tensor, scale: float, q_min: int, q_max: int) -> Tensor:
    rounded = levels(values, torch.tensor(scale).to(values), q_min, q_max)
    return rounded.mul_(scale).sub_(values).square_().sum()


class _LearnedStep(torch.autograd.Function):
    """y = s·q with the gradients of the module's docstring."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, q_min: int, q_max: int) -> Tensor:
        ctx.save_for_backward(x, scale)
        ctx.bounds = q_min, q_max
        return levels(x, scale, q_min, q_max).mul_(scale)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        (gradient,) = gradients
        x, scale = ctx.saved_tensors
        q_min, q_max = ctx.bounds
        ratio = x / scale
        rounded = (ratio + 0.5).floor_()
        inside = (rounded >= q_min) & (rounded <= q_max)
        g = 1 / math.sqrt(q_max * max(1, x.numel()))
        to_scale = torch.where(inside, rounded - ratio, rounded.clamp(q_min, q_max))
        return gradient * inside, (gradient * to_scale).sum() * g, None, None


def _quantise(x: Tensor, scale: Tensor, q_min: int, q_max: int) -> Tensor:
    if torch.is_grad_enabled():
        return _LearnedStep.apply(x, scale, q_min, q_max)  # type: ignore[no-any-return]
    return levels(x, scale, q_min, q_max).mul_(scale)
