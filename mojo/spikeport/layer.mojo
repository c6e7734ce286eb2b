"""One layer: spikes in, weighted sums, neurons, spikes out.

The equations stand in `operations.linear` and with the neurons.
"""
from .bounds import check_bound, largest
from .checks import check_finite, check_shape, product
from .neuron import Neuron
from .operations import Linear
from .trace import Trace


def layer_forward[
    dtype: DType, //
](
    inputs: List[Scalar[dtype]],
    steps: Int,
    batch: Int,
    n_in: Int,
    weights: List[Scalar[dtype]],
    n_out: Int,
    bias: Optional[List[Scalar[dtype]]],
    neuron: Neuron,
) raises -> Trace[dtype]:
    """Runs one linear layer over inputs of shape (steps, batch, n_in).

    Parameters:
        dtype: Element type.

    Args:
        inputs: Spikes or values.
        steps: Number of steps T.
        batch: Number of samples B.
        n_in: Number of inputs.
        weights: Weights of shape (n_out, n_in).
        n_out: Number of neurons.
        bias: Bias of shape (n_out,), or None.
        neuron: The neurons.

    Returns:
        Spikes (T, B, n_out), membrane and counts (B, n_out).

    Raises:
        Error: `shape`, `non_finite`, and those of the neuron; of integers
            `not_whole`, `overflow`.
    """
    check_shape("inputs", len(inputs), product(steps, batch, n_in))
    check_finite("inputs", inputs)
    var linear = Linear(weights, n_in, n_out, bias)
    neuron.check[dtype](n_out)
    comptime if dtype.is_integral():
        var most = linear.packed.bound(largest(inputs))
        check_bound("currents", most)
        neuron.check_bound[dtype](n_out, steps, most)
    var currents = linear.packed.sums(inputs, steps * batch)
    check_finite("currents", currents)
    return neuron.fire(currents, steps, batch * n_out, batch, n_out)
