"""Reading a torch model: it becomes a `ReadNetwork`, or is refused by name, with what would serve.

Layers one after the other are read as they stand (`spikeport.reading.plain`); the forward of any other module is
followed by ``torch.fx`` on a sample (`trace`; `export` where that sees no way), its calls become nodes (`translate`),
and what need not be one is folded away (`fold`). Nothing is guessed: `ReadNetwork.check_faithful` compares what was
read with what the model computes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from spikeport.errors import ConversionError
from spikeport.operations import Shape
from spikeport.reading.brought.door import opened
from spikeport.reading.brought.origin import origin_of
from spikeport.reading.export import exported
from spikeport.reading.network import RELU, Activation, Activations, ReadNetwork
from spikeport.reading.plain import forward_of, is_plain, read_plain
from spikeport.reading.refusals import SCRIPTED, is_followed, module_reason
from spikeport.reading.trace import NotFollowedError, Recorder
from spikeport.reading.translate import Translator, numpy_type

__all__ = ["RELU", "Activation", "Activations", "evaluating", "input_of", "read_model", "unwrapped"]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Hold ``model`` in eval mode without gradients, then give every module its own mode back."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        with torch.no_grad():
            model.eval()
            yield
    finally:
        for module, training in modes:
            module.training = training


def unwrapped(model: Any, input_shape: Shape | None = None) -> nn.Module:
    """Return the model inside what torch puts around one to run it; raise `ConversionError` for what is no model.

    A path, or an estimator of scikit-learn, becomes a module (`spikeport.reading.brought`); ``input_shape``, of one
    sample, is for a file that does not say it.
    """
    model = model if isinstance(model, nn.Module) else opened(model, input_shape)
    if isinstance(model, Mapping):
        raise ConversionError(
            "model",
            f"a {type(model).__name__} of weights says what they are, not how they are used: build the model, "
            "model.load_state_dict(…), and give the model",
        )
    if not isinstance(model, nn.Module):
        raise ConversionError(
            "model",
            f"{type(model).__name__} is no torch.nn.Module: give a trained torch module, the path of an ONNX file or "
            "of a folder of Hugging Face, or scikit-learn's MLPClassifier or MLPRegressor",
        )
    while type(model).__name__ in ("DataParallel", "DistributedDataParallel", "OptimizedModule"):
        model = model._orig_mod if type(model).__name__ == "OptimizedModule" else model.module
    if isinstance(model, torch.jit.ScriptModule):
        raise ConversionError("unsupported_module", f"{type(model).__name__} cannot be converted: {SCRIPTED}")
    assert isinstance(model, nn.Module)
    return model


def input_of(model: nn.Module) -> tuple[int | None, int | None]:
    """Return how many values, and how many axes, a sample has by the first layer with weights; None for not known."""
    for module in model.modules():
        if isinstance(module, nn.Linear) and module.in_features:
            return module.in_features, None
        if isinstance(module, nn.Conv1d | nn.Conv2d):
            return None, 1 + len(module.kernel_size)
        if isinstance(module, nn.BatchNorm2d):
            return None, 3
    return None, None


def read_model(
    model: nn.Module, activations: Activations = RELU, *, sample: Tensor | None = None, input_shape: Shape | None = None
) -> ReadNetwork:
    """Return the network of ``model``; a module whose class is in ``activations`` is one. Call it within `evaluating`.

    Parameters
    ----------
    model : any module that is not plain is followed on a sample
    sample : (batch, …), or None for random values of shape ``input_shape``

    Raises
    ------
    ConversionError
        ``model``, ``unsupported_module``, ``order``, ``non_finite``, ``shape``; the message names the module, the line
        of the model's code where that is known, and what would serve.
    """
    model = unwrapped(model)
    if is_plain(model, activations):
        return read_plain(model, activations)
    first = next((p for p in [*model.parameters(), *model.buffers()] if p.is_floating_point()), torch.zeros(0))
    if first.is_meta:
        raise ConversionError("model", f"{type(model).__name__} has no values, it is on the meta device: load them")
    if sample is None:
        sample = torch.rand((2, *(input_shape or _guessed_shape(model, activations))), generator=_seeded())
    if len(sample) < 2:
        sample = torch.cat([sample, sample])
    sample = sample[:2].to(first.device, first.dtype)
    try:
        record = Recorder(sample.clone(), activations).record(model)
    except NotFollowedError as error:
        found = exported(model, sample)
        if found is None:
            raise ConversionError(error.code, str(error)) from error.__cause__
        record = found
    translator = Translator(model, activations, sample, numpy_type(first.dtype))
    nodes = translator.nodes(record)
    return ReadNetwork(model, nodes, translator.build.input_shape, first.dtype, first.device)


def _seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def _guessed_shape(model: nn.Module, activations: Activations) -> Shape:
    origin = origin_of(model)
    if origin is not None and origin.input_shape is not None:
        return origin.input_shape
    n_inputs, _ = input_of(model)
    if n_inputs is not None:
        return (n_inputs,)
    for path, module in model.named_modules():
        if forward_of(module) not in activations and not is_followed(module):
            place = f"{path} ({type(module).__name__})" if path else type(module).__name__
            raise ConversionError("unsupported_module", f"{place} cannot be converted: {module_reason(module)}")
    raise ConversionError(
        "shape",
        f"{type(model).__name__} takes inputs of many shapes: give calibration data, or input_shape=(3, 32, 32)",
    )
