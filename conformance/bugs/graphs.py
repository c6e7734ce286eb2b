"""Bugs of operations, and of nodes that name what they read."""

from __future__ import annotations

from conformance.bugs.bug import Bug

WINDOW, POOL, MAX_POOL = "operations/window.py", "operations/pool.py", ("operations/max_pool.py", "currents")
REACH = "n + 2 * p - d * (k - 1) - 1"
RUNNING = "self.window.padded(np.add.accumulate(signal + dtype.type(0), axis=0, dtype=dtype), lowest)"
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
    Bug("places in the padding as zeros of a maximum", *MAX_POOL, RUNNING, RUNNING.replace("lowest", "0")),
    Bug("the maximum itself, not what it grows by", *MAX_POOL, "largest[1:] - largest[:-1]", "largest[1:]"),
    Bug(
        "the largest spike of a step for the largest count",
        *MAX_POOL,
        "np.add.accumulate(signal + dtype.type(0), axis=0, dtype=dtype)",
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
    Bug("several spikes kept to one", "transfer/held/neurons.py", "neuron_from_rows", "int(row['max_spikes'][0])", "1"),
    Bug("keys of other operations let through", NODES, "_node", "set(node) == keys", "set(node) >= keys"),
)

RUNS = (
    Bug(
        "an overflow passed on",
        "backends/reference.py",
        "_operation_currents",
        "as_element('currents', operation.currents(*signals))",
        "operation.currents(*signals)",
    ),
    Bug("an input beyond binary32 let through", *INPUTS, ROUNDED, ROUNDED.removeprefix("as_float('inputs', ")[:-1]),
    Bug("a sum that starts at minus zero", "operations/join.py", "currents", FROM_ZERO, f"-{FROM_ZERO}"),
)
