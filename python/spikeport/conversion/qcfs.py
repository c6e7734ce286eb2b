"""QCFS, the quantisation-clip-floor-shift activation, as a torch module that trains.

    qcfs(x) = clip(floor(x·T/θ + 1/2), 0, T)·θ/T

Bu et al. 2022, "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks", eq. 15.
A network trained with it has only activations that an integrate-and-fire neuron can reach in T steps. The NumPy
reference of the same formula is `spikeport.kernels.qcfs`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from spikeport.checks import takes
from spikeport.conversion.checks import check_theta, check_timesteps
from spikeport.errors import ConversionError
from spikeport.reading.torch import RELU, Activation, Activations

SMALLEST_THETA = 1e-4


class _Floor(torch.autograd.Function):
    """Round down; backward, the identity (the straight-through estimator of Bengio et al. 2013)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.floor()

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0]


class _AtLeast(torch.autograd.Function):
    """Return max(x, bound); backward, a gradient that would take x further below the bound is dropped."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bound: float) -> Tensor:
        ctx.below = x < bound
        return x.clamp(min=bound)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients[0].masked_fill(ctx.below & (gradients[0] > 0), 0), None


class QCFSActivation(nn.Module):
    """Quantised ReLU with ``T + 1`` levels in [0, θ], the rates that an integrate-and-fire neuron can have.

    Forward is exactly the formula above (clipping x to [0, θ] first changes none of its values). Backward the floor
    counts as the identity, so that with ``level = clip(floor(x·T/θ + 1/2), 0, T)``

        ∂qcfs/∂x = 1 for 0 < x < θ, 0 outside
        ∂qcfs/∂θ = level/T - x/θ for 0 < x < θ, 1 above, 0 below

    θ stays positive: where a step takes a learnt θ below 1e-4 (or below where it began, if that is less), that is
    used in its place, and later gradients can still raise it.

    Parameters
    ----------
    T : number of steps, at least 1
    theta : θ > 0, the largest activation
    learn_theta : make θ a parameter; otherwise it is a buffer

    Raises `ConversionError` with ``timesteps`` or ``threshold``.
    """

    theta: Tensor

    @takes("T", instead_of="timesteps")
    def __init__(self, T: int, theta: float = 1.0, learn_theta: bool = False) -> None:
        super().__init__()
        self.T = check_timesteps(T)
        value = torch.tensor(check_theta(theta))
        self._smallest = min(SMALLEST_THETA, float(theta))
        if learn_theta:
            self.theta = nn.Parameter(value)
        else:
            self.register_buffer("theta", value)

    @property
    def threshold(self) -> float:
        """The θ in use, as a number."""
        return max(float(self.theta.detach()), self._smallest)

    @property
    def is_at_floor(self) -> bool:
        """Whether a learnt θ has come down to the smallest value in use."""
        return isinstance(self.theta, nn.Parameter) and self.threshold <= self._smallest

    def forward(self, x: Tensor) -> Tensor:
        """Return qcfs(x), in the shape of ``x``."""
        θ = _AtLeast.apply(self.theta, self._smallest)
        shifted = torch.minimum(x.relu(), θ) * self.T / θ + 0.5
        activation: Tensor = _Floor.apply(shifted) * θ / self.T
        return activation

    def extra_repr(self) -> str:
        """Return what ``repr`` shows between the brackets."""
        learnt = isinstance(self.theta, nn.Parameter)
        return f"T={self.T}, theta={self.threshold:g}{', learnt' if learnt else ''}"


@takes("T", instead_of="timesteps")
def replace_relu_with_qcfs(model: nn.Module, T: int = 8, theta: float = 1.0, learn_theta: bool = True) -> nn.Module:
    """Put a `QCFSActivation` in the place of every ``nn.ReLU`` of ``model``, however deep, and return the model.

    The model is changed in place (only where ``model`` is itself an ``nn.ReLU`` is the result another object). Every
    place gets an activation of its own, also where one ReLU object stood in many, on the device of the model and in
    the mode of the ReLU it replaces.

    Raises
    ------
    ConversionError
        ``timesteps``, ``threshold``; ``model`` where it is no module, or holds no ``nn.ReLU``: a ReLU called as a
        function cannot be replaced.
    """
    check_timesteps(T)
    check_theta(theta)
    if not isinstance(model, nn.Module):
        raise ConversionError("model", f"{type(model).__name__} is no torch.nn.Module: give the model itself")
    first = next(iter(model.parameters()), None)

    def qcfs_for(relu: nn.Module) -> QCFSActivation:
        activation = QCFSActivation(T, theta, learn_theta).train(relu.training)
        return activation if first is None else activation.to(first.device)

    if type(model) is nn.ReLU:
        return qcfs_for(model)
    places = [(m, name) for m in model.modules() for name, child in m._modules.items() if type(child) is nn.ReLU]
    if not places:
        raise ConversionError(
            "model",
            f"{type(model).__name__} holds no nn.ReLU to replace: write ReLU as a module, nn.ReLU(), not as a function",
        )
    for parent, name in places:
        setattr(parent, name, qcfs_for(parent.get_submodule(name)))
    return model


ACTIVATIONS: Activations = {
    **RELU,
    QCFSActivation.forward: lambda module: Activation(
        "qcfs", module.threshold, module.T, module.is_at_floor, module.forward
    ),
}
"""The activations that `convert` knows."""
