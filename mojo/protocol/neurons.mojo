"""Answers to the cases of the family `if`."""
from spikeport.checks import refusal
from spikeport.encode import encode_poisson, sample_keys
from spikeport.integrate_fire import Trace, if_constant, if_multistep
from spikeport.layer import layer_forward
from spikeport.network import Layer, network_run
from spikeport.neuron import Neuron
from spikeport.qcfs import qcfs
from spikeport.st_bif import st_bif_multistep
from spikeport.store import load_checkpoint

from .words import Arguments, Reply


def answer_if_multistep[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `if.multistep`.

    Parameters:
        dtype: Element type.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var shape = arguments.shape("shape", 2)
    var trace = if_multistep(
        arguments.floats[dtype]("currents"),
        shape[0],
        shape[1],
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.5),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
    )
    _trace(trace, "counts", reply)


def answer_if_constant[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `if.constant`.

    Parameters:
        dtype: Element type.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var trace = if_constant(
        arguments.floats[dtype]("current"),
        arguments.integer("timesteps"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.5),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
    )
    _trace(trace, "counts", reply)


def answer_st_bif_multistep[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `st_bif.multistep`.

    Parameters:
        dtype: Element type.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var shape = arguments.shape("shape", 2)
    var trace = st_bif_multistep(
        arguments.floats[dtype]("currents"),
        shape[0],
        shape[1],
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.5),
        tracer_min=arguments.integer("tracer_min", 0),
        tracer_max=arguments.integer("tracer_max", 31),
    )
    _trace(trace, "tracer", reply)


def answer_layer_forward[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `layer.forward`.

    Parameters:
        dtype: Element type.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var shape = arguments.shape("shape", 3)
    var size = arguments.shape("size", 2)
    if shape[2] != size[0]:
        raise refusal("shape", "the inputs do not fit the layer")
    var bias = Optional[List[Scalar[dtype]]](None)
    if arguments.has("bias"):
        bias = arguments.floats[dtype]("bias")
    var neuron = Neuron(
        arguments.text("kind", "IF"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.0),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
        tracer_min=arguments.integer("tracer_min", 0),
        tracer_max=arguments.integer("tracer_max", 31),
    )
    var trace = layer_forward(
        arguments.floats[dtype]("inputs"),
        shape[0],
        shape[1],
        size[0],
        arguments.floats[dtype]("weights"),
        size[1],
        bias,
        neuron,
    )
    if neuron.kind == "identity":
        reply.floats("spikes", trace.passed)
        reply.floats("v", trace.membrane)
        reply.floats("counts", trace.sums)
    else:
        _trace(trace, "counts", reply)


def answer_network_run(arguments: Arguments, mut reply: Reply) raises:
    """Answers `network.run`.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var loaded = load_checkpoint(arguments.text("checkpoint"))
    var kinds = loaded.checkpoint.neuron_types.copy()
    if loaded.checkpoint.is_double():
        _run_network(
            loaded.checkpoint.layers[DType.float64](), kinds, arguments, reply
        )
    else:
        _run_network(
            loaded.checkpoint.layers[DType.float32](), kinds, arguments, reply
        )


def answer_encode_poisson(arguments: Arguments, mut reply: Reply) raises:
    """Answers `encode.poisson`.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var shape = arguments.shape("shape", 2)
    var rates = arguments.floats("rates")
    var samples = Optional[List[UInt64]](None)
    if arguments.has("samples"):
        samples = arguments.unsigned("samples")
    var spikes = encode_poisson(
        rates,
        shape[0],
        shape[1],
        timesteps=arguments.integer("timesteps"),
        seed=_seed(arguments),
        samples=samples,
    )
    reply.integers("spikes", spikes)
    reply.integers("keys", sample_keys(rates, shape[0], shape[1]))


def answer_qcfs[dtype: DType](arguments: Arguments, mut reply: Reply) raises:
    """Answers `qcfs`.

    Parameters:
        dtype: Element type.

    Args:
        arguments: The case.
        reply: Receives the outputs.

    Raises:
        Error: The code of a faulty call.
    """
    var y = qcfs(
        arguments.floats[dtype]("x"),
        timesteps=arguments.integer("timesteps"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
    )
    reply.floats("y", y)


def _trace[
    dtype: DType, //
](trace: Trace[dtype], counts: StringSpan, mut reply: Reply):
    reply.integers("spikes", trace.spikes)
    reply.floats("v", trace.membrane)
    reply.integers(counts, trace.counts)


def _run_network[
    dtype: DType, //
](
    layers: List[Layer[dtype]],
    kinds: List[String],
    arguments: Arguments,
    mut reply: Reply,
) raises:
    var encoding = arguments.text("encoding", "current")
    var timesteps = arguments.integer("timesteps")
    var shape = arguments.integers("shape")
    var sizes = 3 if encoding == "spikes" else 2
    var n_in = layers[0].sums.n_in
    var batch = -1
    if (
        len(shape) == sizes
        and shape[sizes - 1] == n_in
        and (sizes == 2 or shape[0] == timesteps)
    ):
        batch = shape[sizes - 2]
    var trace = network_run(
        layers,
        arguments.floats[dtype]("inputs"),
        batch,
        timesteps=timesteps,
        encoding=encoding,
        seed=_seed(arguments),
    )
    for l in range(len(layers)):
        if kinds[l] == "identity":
            reply.floats(String("counts.", l), trace.sums[l])
        else:
            reply.integers(String("counts.", l), trace.counts[l])
        reply.floats(String("v.", l), trace.membrane[l])
    reply.floats("drive", trace.drive)


def _seed(arguments: Arguments) raises -> UInt64:
    var given = arguments.unsigned("seed")
    return given[0] if len(given) > 0 else UInt64(0)
