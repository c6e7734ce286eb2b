"""Bugs of integers: bounds that forget something, numbers that are rounded in silence, types that are let through."""

from __future__ import annotations

from conformance.bugs.bug import Bug

WHOLE = ("kernels/checks.py", "as_whole")
REACH = ("kernels/integers.py", "reach_of")
NEURON = ("kernels/integers.py", "check_neuron")
NETWORK = ("kernels/bounds.py", "bounds_of")
CURRENTS = ("kernels/bounds.py", "check_currents")
NODE = ("kernels/bounds.py", "node_reach")
SUMS = ("operations/weighted.py", "masses")
ST_BIF = ("kernels/st_bif.py", "st_bif_multistep")
PASSED_ON = "float(max(map(abs, node.neuron.spike_range))) if node.neuron.is_spiking else most"
ABSOLUTE = "np.abs(self.weight, dtype=np.float64).reshape(self.n_outputs, -1).sum(axis=1)"
INTEGERS = (
    Bug("fractions cut off", *WHOLE, "wide != np.floor(wide)", "wide != wide"),
    Bug("33 bits cut to 32", *WHOLE, "np.abs(wide) > LARGEST", "wide != wide"),
    Bug("the largest number refused", *WHOLE, "np.abs(wide) > LARGEST", "np.abs(wide) >= LARGEST - 1"),
    Bug("a start with a fraction", "kernels/integers.py", "as_start", "start * θ", "np.floor(start * θ)"),
    Bug("a start in other units", "kernels/integers.py", "as_start", "start * θ", "start"),
    Bug("the bound itself refused", "kernels/integers.py", "check_reach", "reach <= LARGEST", "reach < LARGEST"),
    Bug(
        "one above the bound let through", "kernels/integers.py", "check_reach", "reach <= LARGEST", "reach <= 2.0**31"
    ),
    Bug("a bound of one step", *REACH, "float(timesteps) * largest", "largest"),
    Bug("a bound without the threshold", *REACH, "max(start, reset, max_spikes * highest)", "max(start, reset)"),
    Bug("a bound of one spike", *REACH, "max_spikes * highest", "highest"),
    Bug(
        "a bound without the start",
        *REACH,
        "max(start, reset, max_spikes * highest)",
        "max(reset, max_spikes * highest)",
    ),
    Bug(
        "a bound without the reset",
        *REACH,
        "max(start, reset, max_spikes * highest)",
        "max(start, max_spikes * highest)",
    ),
    Bug("leaks in integers", *NEURON, "neuron.kind == 'LIF'", "False"),
    Bug("neurons of integers not looked at", *NEURON, "neuron.is_spiking", "False"),
    Bug(
        "a bound of signed weights",
        *SUMS,
        ABSOLUTE,
        ABSOLUTE.replace("np.abs(self.weight, dtype=np.float64)", "self.weight"),
    ),
    Bug("a bound without the bias", *SUMS, "self.bias is None", "True"),
    Bug("a maximum's sums not bound", *CURRENTS, "len(signals[0]) if isinstance(operation, MaxPool) else 1", "1"),
    Bug("what an identity node adds up not bound", *NODE, "timesteps * largest", "largest"),
    Bug("a node taken to pass on one spike at most", *NETWORK, PASSED_ON, "1.0"),
    Bug("only the first node bound", *NETWORK, "network.nodes", "network.nodes[:1]"),
    Bug("spikes of integers divided by θ", *ST_BIF, "I[t] if whole else I[t] / θ", "I[t] // θ if whole else I[t] / θ"),
    Bug("a start of integers not in units of the currents", *ST_BIF, "v0 * unit", "v0"),
    Bug(
        "places in the padding as zeros of a maximum of integers",
        "operations/max_pool.py",
        "currents",
        "np.iinfo(dtype).min",
        "0",
    ),
    Bug(
        "a draw of integers",
        "kernels/network.py",
        "check_inputs",
        "encoding == 'poisson' and network.dtype == np.int32",
        "False",
    ),
    Bug(
        "biases of the weights' type",
        "transfer/files/members.py",
        "_check_types",
        "element_of(weight.dtype)",
        "weight.dtype",
    ),
    Bug("integers in version 1", "transfer/held/nodes.py", "needed_structure", "dtype_of(graph) != np.int32", "True"),
    Bug(
        "one byte spelled as NumPy spells it",
        "transfer/files/archive.py",
        "write_archive",
        "f'<{little.dtype.str[1:]}'",
        "little.dtype.str",
    ),
)
