"""The bugs that are planted: each one is one expression of one function that stands for another."""

from __future__ import annotations

from typing import NamedTuple

from spikeport.transfer.files.archive import NPY_HEADER


class Bug(NamedTuple):
    """A planted bug: the function it is in, an expression there, and what stands in its place."""

    name: str
    file: str
    """Below the package."""
    function: str
    """Its name; empty for the file's own statements."""
    right: str
    """Stands there exactly once; how it is spread over lines does not matter."""
    wrong: str


IF = ("kernels/integrate_fire.py", "if_multistep")
ST_BIF = ("kernels/st_bif.py", "st_bif_multistep")
SUMMED = ("operations/weighted.py", "summed_rows")
TERMS = ("operations/weighted.py", "_term_by_term")
POISSON = ("kernels/encode.py", "encode_poisson")
QCFS = ("kernels/qcfs.py", "qcfs")
SCHEDULE = ("kernels/finetune.py", "schedule")
STEP = ("kernels/finetune.py", "step")
ARCHIVE = ("transfer/store.py", "_read_archive")
PULSE = ("kernels/network.py", "first_signal")
WALK = ("kernels/network.py", "walk")
ONCE = ("kernels/network.py", "_with_bias_once")
SETTLED = ("kernels/network.py", "settled_after")
LEVELS = ("kernels/integrate_fire.py", "_levels")
PRODUCTS = "[θ.dtype.type(m) * θ for m in range(1, max_spikes + 1)]"
MOVED = "trace.spikes.reshape(*moved.shape, node.size).any(axis=2)"

SOFT = "v - s.astype(θ.dtype) * θ"
BIAS_FIRST = "add(np.insert(rows, 0, 1, axis=1), np.insert(matrix, 0, bias, axis=1)).reshape(total.shape)"

ZIP = "transfer/files/archive.py"
JSON = "transfer/files/strict_json.py"
DIRECTORY = (ZIP, "_directory")
NAMES = (ZIP, "check_names")
PARTS = ("transfer/checkpoint.py", "from_parts")
WRITE = ("transfer/checkpoint.py", "parts")
LAYERS = ("transfer/files/members.py", "layers_of")
MEMBERS = ("transfer/files/version_1.py", "expected_members")
PATHS = ("transfer/store.py", "checkpoint_paths")
RATE = "not _is_finite(rate) or rate < 0"
SOME = "len(layer_names) == len(weights) == len(gradients) == len(rates) == len(velocities)"
LOW_HALF = "value.encode('utf-8', 'surrogatepass' if '\\udc00' in value else 'strict')"
IN_ORDER = "names == [member.file_name for member in expected if member.file_name in names]"
DIGITS = NPY_HEADER.pattern
NEURONS = "[a.neuron is None or neuron_from_rows(k, a.neuron) for k, a in zip(sidecar.neuron_types, layers)]"
PAIRS = "zip(expected, arrays, strict=True)"
TOTAL = "total != sidecar.total_params"

WINDOW, POOL, MAX_POOL = "operations/window.py", "operations/pool.py", ("operations/max_pool.py", "currents")
REACH = "n + 2 * p - d * (k - 1) - 1"
RUNNING = "self.window.padded(np.add.accumulate(signal + dtype.type(0), axis=0), -np.inf)"
MATRIX = "self.weight.reshape(self.groups, out // self.groups, self.weight.size // out)"
SWAPPED = "self.weight.reshape(out // self.groups, self.groups, self.weight.size // out).swapaxes(0, 1)"
PRODUCT = "itertools.product(*map(range, self.kernel))"
NODES = "transfer/files/version_2.py"
INPUTS = ("kernels/network.py", "check_inputs")
ROUNDED = "as_float('inputs', x.astype(network.dtype, copy=False))"
FROM_ZERO = "np.zeros(signals[0].shape, type_of(signals, dtype))"
OPERATIONS = (
    Bug("gaps left out of the reach", WINDOW, "places", REACH, "n + 2 * p - (k - 1) - 1"),
    Bug("a last window that is not whole", WINDOW, "places", "room // stride + 1", "-(-room // stride) + 1"),
    Bug(
        "gaps left out of the taps", WINDOW, "read", "slice(q * d, last, stride)", "slice(q, last - q * d + q, stride)"
    ),
    Bug(
        "taps column by column",
        WINDOW,
        "taps",
        PRODUCT,
        "sorted(itertools.product(*map(range, self.kernel)), key=lambda tap: tap[::-1])",
    ),
    Bug("groups and channels turned over", "operations/conv.py", "matrix", MATRIX, SWAPPED),
    Bug(
        "a reciprocal for the division",
        POOL,
        "currents",
        "total / total.dtype.type(math.prod(self.window.kernel))",
        "total * total.dtype.type(1 / math.prod(self.window.kernel))",
    ),
    Bug("places in the padding as zeros of a maximum", *MAX_POOL, RUNNING, RUNNING.replace("-np.inf", "0")),
    Bug("the maximum itself, not what it grows by", *MAX_POOL, "largest[1:] - largest[:-1]", "largest[1:]"),
    Bug(
        "the largest spike of a step for the largest count",
        *MAX_POOL,
        "np.add.accumulate(signal + dtype.type(0), axis=0)",
        "signal + dtype.type(0)",
    ),
    Bug("a max pool taken for steady", "operations/max_pool.py", "", "True", "False"),
    Bug(
        "the last signal first",
        "operations/join.py",
        "currents",
        "np.concatenate(signals, axis=2, dtype=type_of(signals, dtype))",
        "np.concatenate(signals[::-1], axis=2, dtype=type_of(signals, dtype))",
    ),
)
GRAPHS = (
    Bug(
        "a parameter for each place, not each channel",
        "kernels/network.py",
        "_fired",
        "np.arange(n) // (n // node.shape[0])",
        "np.arange(n) % node.shape[0]",
    ),
    Bug(
        "a node that reads the one before it, whatever it names",
        "kernels/nodes.py",
        "place",
        "tuple(node.inputs) or (before,)",
        "(before,) * max(1, len(node.inputs))",
    ),
    Bug("a declared shape believed", NODES, "check_chain", "shape != node.shape", "False"),
    Bug(
        "a node that may read one behind it",
        NODES,
        "check_chain",
        "source not in shapes",
        "source not in {*shapes, *self.names}",
    ),
    Bug(
        "version 2 for a chain",
        "transfer/checkpoint.py",
        "_check_version",
        "all(neuron is None or neuron.max_spikes == 1 for neuron in neurons)",
        "False",
    ),
    Bug(
        "a chain of several spikes refused",
        "transfer/checkpoint.py",
        "_check_version",
        "all(neuron is None or neuron.max_spikes == 1 for neuron in neurons)",
        "True",
    ),
    Bug("a giant weight let through", NODES, "expected_members", "math.prod(weight) > LARGEST_WIDTH", "False"),
    Bug("weights of two types", "transfer/files/sidecar.py", "layers_of", "sidecar.version == 2", "False"),
    Bug("more spikes in a step than a byte holds", "neuron.py", "", "127", "128"),
    Bug("several spikes kept to one", "transfer/neurons.py", "neuron_from_rows", "int(row['max_spikes'][0])", "1"),
    Bug("keys of other operations let through", NODES, "_node", "set(node) == keys", "set(node) >= keys"),
)

SEVERAL = (
    Bug("all but one spike of a step lost", *IF, "_levels(θ, L)", "_levels(θ, 1)"),
    Bug("a level too many", *IF, "_levels(θ, L)", "_levels(θ, L + 1)"),
    Bug("one threshold taken off for all spikes of a step", *IF, SOFT, "v - θ"),
    Bug(
        "a threshold taken off again and again", *IF, SOFT, "np.subtract.reduce([v, *((s > n) * θ for n in range(L))])"
    ),
    Bug("levels added up", *LEVELS, PRODUCTS, "list(np.add.accumulate([θ] * max_spikes))"),
    Bug("several spikes with a leak", "kernels/integrate_fire.py", "if_parameters", "(β != 1).any()", "False"),
    Bug("a pulse fed at every step", *PULSE, "np.zeros((timesteps, *x.shape), x.dtype)", "np.stack([x] * timesteps)"),
    Bug("biases at every step", *ONCE, "currents.values[:1]", "currents.values[:]"),
    Bug("biases at no step", *ONCE, "bias is not None", "False"),
    Bug("settled before the first step", *SETTLED, "moved[1:]", "moved[:-1]"),
    Bug("all samples settled with the first", *SETTLED, "still.argmax(axis=0)", "still[:, :1].argmax(axis=0)"),
    Bug("the last node not asked whether it moves", *WALK, MOVED, f"({MOVED} & (node is not network.nodes[-1]))"),
)

BUGS = (
    Bug("> for >= at the threshold", *IF, "v >= level", "v > level"),
    Bug("hard for soft reset", *IF, f"{SOFT} if reset is None else reset", "0 if reset is None else reset"),
    Bug("reset loses the leak's order", *IF, "β * v + I[t]", "β * (v + I[t])"),
    Bug(
        "T off by one",
        "kernels/integrate_fire.py",
        "if_constant",
        "(timesteps, *I.shape[1:])",
        "(max(timesteps - 1, 0), *I.shape[1:])",
    ),
    Bug("a fused multiply-add", *IF, "β * v + I[t]", "(β * v.astype(np.longdouble) + I[t]).astype(v.dtype)"),
    Bug("start not in units of the threshold", *IF, "v0 * θ", "v0 + 0 * θ"),
    Bug("tracer bound off by one", *ST_BIF, "S < tracer_max", "S <= tracer_max"),
    Bug("lower tracer bound off by one", *ST_BIF, "S > tracer_min", "S >= tracer_min"),
    Bug("> for >= at one", *ST_BIF, "v >= 1", "v > 1"),
    Bug("a product for the division by θ", *ST_BIF, "I[t] / θ", "I[t] * (1 / θ)"),
    Bug("a transposed weight", *TERMS, "matrix[:, k]", "matrix.T[:, k]"),
    Bug("the bias first", *SUMMED, "total + bias", BIAS_FIRST),
    Bug("the bias forgotten", *SUMMED, "total + bias", "total"),
    Bug("inputs summed backwards", *TERMS, "np.flatnonzero(rows.any(axis=0))", "range(matrix.shape[1])[::-1]"),
    Bug("BLAS for the contract's order", *SUMMED, "add(rows, matrix)", "rows.astype(matrix.dtype) @ matrix.T"),
    Bug("draws by place, not by sample", *POISSON, "sample_keys(p)", "np.arange(len(p), dtype=np.uint64)"),
    Bug("the seed ignored", *POISSON, "np.array([seed], np.uint64)", "np.array([0], np.uint64)"),
    Bug("<= for < in the draw", *POISSON, "u < p", "u <= p"),
    Bug("floor without the half", *QCFS, "values.dtype.type(0.5)", "values.dtype.type(0)"),
    Bug("round for floor", *QCFS, "np.floor(values * T / θ + values.dtype.type(0.5))", "np.round(values * T / θ)"),
    Bug(
        "an unsorted frozen list",
        *SCHEDULE,
        "[name for name, is_kept in zip(names, kept, strict=True) if is_kept]",
        "list(dict.fromkeys([*frozen, *(n for n, k in zip(names, kept, strict=True) if k)]))",
    ),
    Bug("a frozen head that learns", *SCHEDULE, "kept[k]", "kept[k] and k < first_of_head"),
    Bug("freezing up to, not with", *SCHEDULE, "k <= last", "k < last"),
    Bug(
        "the gradient scaled by momentum",
        *STEP,
        "w.dtype.type(momentum) * u + g",
        "w.dtype.type(momentum) * (u + g)",
    ),
    Bug("a skipped digest check", *ARCHIVE, "hashlib.sha256(content).hexdigest() == sidecar.archive_sha256", "True"),
    Bug(
        "a skipped length check",
        *ARCHIVE,
        "sidecar.archive_bytes > min(largest_archive(expected), LARGEST_ARCHIVE)",
        "False",
    ),
    Bug("a skipped finiteness check", ZIP, "npy_array", "not np.isfinite(array).all()", "False"),
    Bug("duplicate keys let through", JSON, "_object", "len(result) != len(pairs)", "False"),
    Bug("a timestamp in the archive", ZIP, "", "0x0021", "0x5A21"),
    Bug(
        "a frozen layer's rate not checked",
        *STEP,
        "not _is_finite(rate) or rate < 0",
        f"index not in still and ({RATE})",
    ),
    Bug(
        "half a character let through",
        "transfer/files/strict_json.py",
        "_check_text",
        "value.encode('utf-8')",
        LOW_HALF,
    ),
    Bug("order before compression", *DIRECTORY, "fields[4] != 0", f"fields[4] != 0 and {IN_ORDER}"),
    Bug("duplicates before foreign names", *NAMES, "name in seen", "list(names).count(name) > 1"),
    Bug("foreign names before duplicates", *NAMES, "name in seen", "name in seen and known.issuperset(names)"),
    Bug(
        "numbers of eleven digits",
        "transfer/files/archive.py",
        "",
        repr(DIGITS),
        repr(DIGITS.replace(b"1,10", b"1,11")),
    ),
    Bug("neurons before the number of parameters", *PARTS, "total != sidecar.total_params", f"{NEURONS} and {TOTAL}"),
    Bug(
        "types behind all members",
        *LAYERS,
        PAIRS,
        PAIRS.replace("arrays", "list(arrays)"),
    ),
    Bug("a neuron's type before its shape", *MEMBERS, "FLOATS", "('<f8',) if part == 'neuron' else FLOATS"),
    Bug("two suffixes taken off", *PATHS, "base.with_suffix('')", "base.with_suffix('').with_suffix('')"),
    Bug(
        "a non-finite weight written",
        *WRITE,
        "layer.arrays(finite=True, version=sidecar.version)",
        "layer.arrays(finite=False, version=sidecar.version)",
    ),
    Bug("an unknown frozen name written", *WRITE, "name not in names", "False"),
    Bug("a chain not checked", "transfer/files/version_1.py", "check_chain", "before[1] != after[0]", "False"),
    *OPERATIONS,
    *GRAPHS,
    Bug(
        "an overflow passed on",
        "backends/reference.py",
        "_operation_currents",
        "as_float('currents', operation.currents(*signals))",
        "operation.currents(*signals)",
    ),
    Bug("an input beyond binary32 let through", *INPUTS, ROUNDED, ROUNDED.removeprefix("as_float('inputs', ")[:-1]),
    Bug("a sum that starts at minus zero", "operations/join.py", "currents", FROM_ZERO, f"-{FROM_ZERO}"),
    *SEVERAL,
    Bug("some layers without velocities", *STEP, SOME, SOME.replace(" == len(velocities)", "")),
)
