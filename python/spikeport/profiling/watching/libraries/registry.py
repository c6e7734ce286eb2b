"""The registry of spiking modules: which reader knows a module, and how to add one.

A class is recognised by its name and that of its base classes, so that no library is imported for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from spikeport.profiling.watching.libraries.neurons import Neurons, Recording
from spikeport.profiling.watching.libraries.norse import NORSE
from spikeport.profiling.watching.libraries.own import SPIKEPORT
from spikeport.profiling.watching.libraries.sinabs import SINABS
from spikeport.profiling.watching.libraries.snntorch import SNNTORCH
from spikeport.profiling.watching.libraries.spikingjelly import SPIKINGJELLY

if TYPE_CHECKING:
    from torch import nn

_REGISTRY: list[Neurons] = [SPIKEPORT, SNNTORCH, SPIKINGJELLY, NORSE, SINABS]


def register_neuron(
    kind: type[nn.Module] | Neurons,
    read: Callable[[Any, tuple[Any, ...], Any], Recording | None] | None = None,
) -> None:
    """Tell `watch` of a kind of spiking module: a `Neurons`, or a class and how to read a call of it.

    What is registered last is asked first.

    >>> register_neuron(MyNeuron, lambda module, inputs, output: Recording(output, "TB", module.v))
    """
    if isinstance(kind, Neurons):
        _REGISTRY.insert(0, kind)
    elif read is not None:
        _REGISTRY.insert(0, Neurons(lambda module: isinstance(module, kind), read))
    else:
        raise TypeError("register_neuron needs a Neurons, or a class and a function that reads a call of it")


def neurons_of(module: nn.Module) -> Neurons | None:
    """Return how to read ``module``, or None where it is not known to spike."""
    return next((neurons for neurons in _REGISTRY if neurons.matches(module)), None)
