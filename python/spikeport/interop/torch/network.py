"""A spiking network as a torch module."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from spikeport.backends.torch_device.precision import full_precision
from spikeport.interop.torch.fed import check_steps, first_signal
from spikeport.interop.torch.layer import SpikingLayer
from spikeport.interop.torch.neurons import summed
from spikeport.kernels import INPUT
from spikeport.kernels.network import check_encoding
from spikeport.operations import Shape


@dataclass(frozen=True)
class TorchRun:
    """What a run gave, each part with the gradients of what it came from.

    Attributes
    ----------
    spikes : by layer, what it passed on at each step, (T, batch, …)
    counts : by layer, the sum of it over the steps, (batch, …)
    membrane : by layer, after the last step, (batch, …); ST-BIF in units of the threshold, identity 0
    drive : (batch, …): what the output layer received in all
    timesteps : number of steps
    """

    spikes: dict[str, Tensor]
    counts: dict[str, Tensor]
    membrane: dict[str, Tensor]
    drive: Tensor
    timesteps: int


class SpikingNetwork(nn.Module):
    """A network that runs as its `SNNGraph` does, and trains: `spikeport.interop.torch.to_torch` makes it.

    Its modules are the layers, by their names (a dot in a name opens a module within one), so the state dict reads
    ``hidden.weight``, ``hidden.bias``, ``hidden.threshold`` and so on.

    Attributes
    ----------
    T, encoding : how `forward` runs, see `spikeport.graph.SNNGraph.run`
    input_shape : of one sample, without the batch
    layer_names : input side first
    """

    def __init__(self, layers: Sequence[SpikingLayer], input_shape: Shape, T: int, encoding: str) -> None:
        super().__init__()
        self.T, self.encoding = check_steps(T), check_encoding(encoding)
        self.input_shape = input_shape
        self.layer_names = [layer.name for layer in layers]
        for layer in layers:
            put(self, layer)

    def node(self, name: str) -> SpikingLayer:
        """Return the layer of this name; raises KeyError where there is none."""
        if name not in self.layer_names:
            raise KeyError(f"no layer is called {name!r}: there are {', '.join(self.layer_names)}")
        module: Any = self
        for part in name.split("."):
            module = module._modules[part]
        layer: SpikingLayer = module
        return layer

    def forward(self, x: Tensor) -> Tensor:
        """Return what the output layer received per step, (batch, …), of a pulse the sum; the largest is the answer.

        ``x`` is (batch, *input_shape) or (batch, n_inputs), for "spikes" with an axis of steps before. Raises as `run`.
        """
        run = self.run(x)
        return run.drive if self.encoding == "pulse" else run.drive / run.timesteps

    def run(self, x: Tensor, *, T: int | None = None, encoding: str | None = None, seed: int = 0) -> TorchRun:
        """Run the network as `spikeport.graph.SNNGraph.run` does and return all that its layers did, with gradients.

        Where no sum is rounded, spikes and drive are the same; elsewhere torch's order of summation may move a spike.

        Parameters
        ----------
        x : as for `forward`; brought to the type and the device of the weights
        T, encoding : by default those of this network; for "spikes" T is the length of ``x``
        seed : of the Poisson draws, through which no gradient passes

        Raises `spikeport.errors.KernelError`: ``timesteps``, ``encoding``, ``shape``, ``non_finite``, ``rate_range``,
        ``seed``.
        """
        timesteps = check_steps(self.T if T is None else T)
        encoding = check_encoding(self.encoding if encoding is None else encoding)
        like = next(itertools.chain(self.parameters(), self.buffers()), torch.zeros((), dtype=torch.float64))
        x = torch.as_tensor(x, dtype=like.dtype, device=like.device)
        if encoding == "spikes":
            timesteps = check_steps(len(x)) if T is None and x.ndim else timesteps
        with full_precision(like.device, gradients=True):
            return self._walk(first_signal(x, self.input_shape, timesteps, encoding, seed), timesteps, encoding)

    def _walk(self, first: Tensor, timesteps: int, encoding: str) -> TorchRun:
        signals = {INPUT: first}
        run = TorchRun({}, {}, {}, first, timesteps)
        currents, pulse = first, encoding == "pulse"
        for name in self.layer_names:
            layer = self.node(name)
            read = [signals[source] for source in layer.reads]
            sent, currents, membrane = layer(read, timesteps, pulse)
            signals[name] = sent
            every = sent.expand(timesteps, *sent.shape[1:])
            run.spikes[name], run.membrane[name] = every, membrane
            run.counts[name] = every.sum(0) if layer.neuron.is_spiking else summed(every)
        return replace(run, drive=summed(currents.expand(timesteps, *currents.shape[1:])))


def put(root: nn.Module, layer: SpikingLayer) -> None:
    """Put a layer among the modules of a network.

    Straight into the tables of modules: a layer may be called as a method of theirs is, and another one's name may be
    the beginning of its name.
    """
    *folders, last = layer.name.split(".")
    modules: Any = root._modules
    for folder in folders:
        modules = modules.setdefault(folder, nn.Module())._modules
    if last in modules:
        layer._modules.update(modules[last]._modules)
    modules[last] = layer
