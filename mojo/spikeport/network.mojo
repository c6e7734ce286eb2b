"""A whole network, layer by layer over all steps.

    s⁰ = encode(x);   sˡ = layer(sˡ⁻¹)  for l = 1 … L;   drive = Σ_t I[t] of L

The samples of a batch are independent, so they run in blocks: the same bits
with less memory.
"""
from .checks import check_finite, check_shape, check_timesteps, product, refusal
from .encode import encode_poisson
from .layer import WeightedSum
from .neuron import Neuron, sum_in_order

comptime VALUES_AT_ONCE = 1 << 20
"""How many currents of one layer are held at a time, about."""


struct Layer[dtype: DType](Copyable):
    """Weights, bias and neurons of one layer.

    Parameters:
        dtype: Element type of the weights.
    """

    var sums: WeightedSum[Self.dtype]
    """Weights and bias."""
    var neuron: Neuron
    """The neurons."""

    def __init__(
        out self,
        weights: List[Scalar[Self.dtype]],
        n_in: Int,
        n_out: Int,
        bias: Optional[List[Scalar[Self.dtype]]],
        var neuron: Neuron,
    ) raises:
        """Checks the arrays and lays them out.

        Args:
            weights: Weights of shape (n_out, n_in).
            n_in: Number of inputs.
            n_out: Number of neurons.
            bias: Bias of shape (n_out,), or None.
            neuron: The neurons.

        Raises:
            Error: `shape`, `non_finite`, and those of the neuron.
        """
        check_shape("weights", len(weights), product(n_out, n_in))
        check_finite("weights", weights)
        if bias:
            check_shape("bias", len(bias.value()), n_out)
            check_finite("bias", bias.value())
        neuron.check(n_out)
        self.sums = WeightedSum(weights, n_in, n_out, bias)
        self.neuron = neuron^


struct NetworkTrace[dtype: DType](Copyable):
    """What a network did: lists have one array a layer.

    Parameters:
        dtype: Element type.
    """

    var counts: List[List[Int64]]
    """Net spikes (B, n); nothing for `identity` layers."""
    var sums: List[List[Scalar[Self.dtype]]]
    """What `identity` layers passed on in all (B, n); else nothing."""
    var membrane: List[List[Scalar[Self.dtype]]]
    """Membrane after the last step (B, n)."""
    var drive: List[Scalar[Self.dtype]]
    """What the last layer received in all (B, n_out)."""

    def __init__(out self, layers: Int):
        """Makes a trace of no samples.

        Args:
            layers: Number of layers.
        """
        self.counts = List[List[Int64]](length=layers, fill=[])
        self.sums = List[List[Scalar[Self.dtype]]](length=layers, fill=[])
        self.membrane = List[List[Scalar[Self.dtype]]](length=layers, fill=[])
        self.drive = []


def network_run[
    dtype: DType, //
](
    layers: List[Layer[dtype]],
    inputs: List[Scalar[dtype]],
    batch: Int,
    *,
    timesteps: Int,
    encoding: String = "current",
    seed: UInt64 = 0,
) raises -> NetworkTrace[dtype]:
    """Runs a network.

    Parameters:
        dtype: Element type.

    Args:
        layers: The layers, input side first.
        inputs: Values (batch, n_in); for `spikes` (timesteps, batch, n_in).
        batch: Number of samples B.
        timesteps: Number of steps T.
        encoding: `current` feeds the values at every step, `poisson` draws
            spikes with the values as rates, `spikes` takes them step by step.
        seed: Seed of the Poisson draws.

    Returns:
        Counts, membranes and the drive.

    Raises:
        Error: `timesteps`, `encoding`, `shape`, `non_finite`, `rate_range`.
    """
    check_timesteps(timesteps)
    if encoding != "current" and encoding != "poisson" and encoding != "spikes":
        raise refusal(
            "encoding",
            String(
                "encoding '",
                encoding,
                "' is not one of current, poisson, spikes",
            ),
        )
    if len(layers) == 0:
        raise refusal("shape", "a network needs at least one layer")
    var widest = layers[0].sums.n_in
    for l in range(len(layers)):
        widest = max(widest, layers[l].sums.n_out)
        if l > 0 and layers[l].sums.n_in != layers[l - 1].sums.n_out:
            raise refusal(
                "shape",
                String(
                    "a layer of ",
                    layers[l - 1].sums.n_out,
                    " feeds one that takes ",
                    layers[l].sums.n_in,
                ),
            )
    var n_in = layers[0].sums.n_in
    var steps_in = timesteps if encoding == "spikes" else 1
    check_shape("inputs", len(inputs), product(steps_in, batch, n_in))
    if batch < 0:
        raise refusal("shape", "the batch is negative")
    check_finite("inputs", inputs)

    var trace = NetworkTrace[dtype](len(layers))
    var at_once = max(1, VALUES_AT_ONCE // max(1, product(timesteps, widest)))
    for first in range(0, batch, at_once):
        var count = min(at_once, batch - first)
        var part = List[Scalar[dtype]](capacity=steps_in * count * n_in)
        for t in range(steps_in):
            var start = (t * batch + first) * n_in
            part.extend(Span(inputs)[start : start + count * n_in])
        _run_block(layers, part^, count, timesteps, encoding, seed, trace)
    return trace^


def _run_block[
    dtype: DType, //
](
    layers: List[Layer[dtype]],
    var values: List[Scalar[dtype]],
    batch: Int,
    timesteps: Int,
    encoding: String,
    seed: UInt64,
    mut trace: NetworkTrace[dtype],
) raises:
    # The signal is in `spikes` where `spiking`, else in `values`; it is the
    # same at every step where `constant`.
    var spiking = encoding == "poisson"
    var constant = encoding == "current"
    var spikes = List[Int8]()
    if spiking:
        var rates = [value.cast[DType.float64]() for value in values]
        spikes = encode_poisson(
            rates,
            batch,
            layers[0].sums.n_in,
            timesteps=timesteps,
            seed=seed,
        )
    for l in range(len(layers)):
        ref layer = layers[l]
        var n_out = layer.sums.n_out
        var rows = batch if constant else timesteps * batch
        var stride = 0 if constant else batch * n_out
        var currents = layer.sums.of(
            spikes, rows
        ) if spiking else layer.sums.of(values, rows)
        var fired = layer.neuron.fire(currents, timesteps, stride, batch, n_out)
        if l == len(layers) - 1:
            trace.drive.extend(
                sum_in_order(currents, timesteps, stride, batch * n_out)
            )
        spiking = layer.neuron.kind != "identity"
        constant = False
        trace.counts[l].extend(Span(fired.counts))
        trace.sums[l].extend(Span(fired.sums))
        trace.membrane[l].extend(Span(fired.membrane))
        swap(spikes, fired.spikes)
        swap(values, fired.passed)
