"""Answers to the cases of the family `if`."""
from spikeport.checkpoint import load_checkpoint
from spikeport.checks import refusal
from spikeport.encode import encode_poisson, sample_keys
from spikeport.integrate_fire import if_constant, if_multistep
from spikeport.layer import layer_forward
from spikeport.network import Network
from spikeport.neuron import Neuron
from spikeport.qcfs import qcfs
from spikeport.running import check_encoding, network_run
from spikeport.st_bif import st_bif_multistep
from spikeport.trace import Trace

from .words import Arguments, Reply


def answer_if_multistep[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `if.multistep`."""
    var shape = arguments.shape("shape", 2)
    var trace = if_multistep(
        arguments.numbers[dtype]("currents"),
        shape[0],
        shape[1],
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.5),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
        max_spikes=arguments.integer("max_spikes", 1),
    )
    _trace(trace, "counts", reply)


def answer_if_constant[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `if.constant`."""
    var trace = if_constant(
        arguments.numbers[dtype]("current"),
        arguments.integer("timesteps"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.5),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
        max_spikes=arguments.integer("max_spikes", 1),
    )
    _trace(trace, "counts", reply)


def answer_st_bif_multistep[
    dtype: DType
](arguments: Arguments, mut reply: Reply) raises:
    """Answers `st_bif.multistep`."""
    var shape = arguments.shape("shape", 2)
    var trace = st_bif_multistep(
        arguments.numbers[dtype]("currents"),
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
    """Answers `layer.forward`."""
    var shape = arguments.shape("shape", 3)
    var size = arguments.shape("size", 2)
    if shape[2] != size[0]:
        raise refusal("shape", "the inputs do not fit the layer")
    var bias = Optional[List[Scalar[dtype]]](None)
    if arguments.has("bias"):
        bias = arguments.numbers[dtype]("bias")
    var neuron = Neuron(
        arguments.text("kind", "IF"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
        v_init=arguments.parameter[dtype]("v_init", 0.0),
        v_reset=arguments.optional[dtype]("v_reset"),
        beta=arguments.parameter[dtype]("beta", 1.0),
        tracer_min=arguments.integer("tracer_min", 0),
        tracer_max=arguments.integer("tracer_max", 31),
        max_spikes=arguments.integer("max_spikes", 1),
    )
    var trace = layer_forward(
        arguments.numbers[dtype]("inputs"),
        shape[0],
        shape[1],
        size[0],
        arguments.numbers[dtype]("weights"),
        size[1],
        bias,
        neuron,
    )
    if neuron.kind == "identity":
        reply.numbers("spikes", trace.passed)
        reply.numbers("v", trace.membrane)
        reply.numbers("counts", trace.sums)
    else:
        _trace(trace, "counts", reply)


def answer_network_run(arguments: Arguments, mut reply: Reply) raises:
    """Answers `network.run`."""
    var loaded = load_checkpoint(arguments.text("checkpoint"))
    ref checkpoint = loaded.checkpoint
    var dtype = checkpoint.dtype()
    if dtype == DType.float64:
        _run_network(checkpoint.network[DType.float64](), arguments, reply)
    elif dtype == DType.float32:
        _run_network(checkpoint.network[DType.float32](), arguments, reply)
    else:
        _run_network(checkpoint.network[DType.int32](), arguments, reply)


def answer_encode_poisson(arguments: Arguments, mut reply: Reply) raises:
    """Answers `encode.poisson`."""
    var shape = arguments.shape("shape", 2)
    var rates = arguments.numbers("rates")
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
    """Answers `qcfs`."""
    var y = qcfs(
        arguments.numbers[dtype]("x"),
        timesteps=arguments.integer("timesteps"),
        threshold=arguments.parameter[dtype]("threshold", 1.0),
    )
    reply.numbers("y", y)


def _trace[
    dtype: DType, //
](trace: Trace[dtype], counts: StringSpan, mut reply: Reply):
    reply.integers("spikes", trace.spikes)
    reply.numbers("v", trace.membrane)
    reply.integers(counts, trace.counts)


def _run_network[
    dtype: DType, //
](network: Network[dtype], arguments: Arguments, mut reply: Reply) raises:
    var encoding = arguments.text("encoding", "current")
    check_encoding[dtype](encoding)  # before its inputs are read as integers
    var timesteps = arguments.integer("timesteps")
    var shape = arguments.integers("shape")
    # (B, input shape); for `spikes` (T, B, input shape).
    var lead = 2 if encoding == "spikes" else 1
    var batch = -1
    if (
        len(shape) > lead
        and List[Int](Span(shape)[lead : len(shape)]) == network.shapes[0]
        and (lead == 1 or shape[0] == timesteps)
    ):
        batch = shape[lead - 1]
    var result = network_run(
        network,
        arguments.numbers[dtype]("inputs"),
        batch,
        timesteps=timesteps,
        encoding=encoding,
        seed=_seed(arguments),
    )
    for k in range(len(network.nodes)):
        if network.nodes[k].neuron.kind == "identity":
            reply.numbers(String("counts.", k), result.sums[k])
        else:
            reply.integers(String("counts.", k), result.counts[k])
        reply.numbers(String("v.", k), result.membrane[k])
    reply.numbers("drive", result.drive)
    if encoding == "pulse":
        reply.integers("settled", result.settled)


def _seed(arguments: Arguments) raises -> UInt64:
    var given = arguments.unsigned("seed")
    return given[0] if len(given) > 0 else UInt64(0)
