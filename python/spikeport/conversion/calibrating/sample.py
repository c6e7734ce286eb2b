"""What the trained network says of samples, that the spiking one is fitted to or judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.conversion.calibrating.biases import channel_means

if TYPE_CHECKING:
    from torch import Tensor

    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

AT_ONCE: Final = 64


class Told(NamedTuple):
    """Samples, and what the trained network says of them.

    Attributes
    ----------
    x : (n, *input_shape), as the network takes them
    drive : what its last layer receives, (n, outputs), float64; behind the activation where no weights stand before it
    outputs : what it answers, (n, outputs), float64
    means : the mean activation in each channel of every node with an activation
    """

    x: Tensor
    drive: Array
    outputs: Array
    means: dict[str, Array]


def told(network: ReadNetwork, samples: Array) -> Told:
    """Return what ``network`` says of ``samples``."""
    import torch

    x = torch.tensor(samples, dtype=network.dtype, device=network.device).reshape(-1, *network.input_shape)
    drives, outputs, sums = [], [], dict[str, Array]()
    for some in torch.split(x, AT_ONCE):
        for node, value, output in network.walk(some):
            if node.activation is not None:
                sums[node.name] = sums.get(node.name, 0) + channel_means(output) * len(some)
            if node is network.output:
                drives.append((value if node.is_weighted else output).flatten(1).double().cpu().numpy())
                outputs.append(output.flatten(1).double().cpu().numpy())
    means = {name: total / len(x) for name, total in sums.items()}
    return Told(x, np.concatenate(drives), np.concatenate(outputs), means)
