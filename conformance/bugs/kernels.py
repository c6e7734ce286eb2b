"""Bugs of neurons, sums, encodings and fine-tuning."""

from __future__ import annotations

from conformance.bugs.bug import Bug

IF = ("kernels/integrate_fire.py", "if_multistep")
ST_BIF = ("kernels/st_bif.py", "st_bif_multistep")
SUMMED = ("operations/weighted.py", "summed_rows")
TERMS = ("operations/weighted.py", "_term_by_term")
POISSON = ("kernels/encode.py", "encode_poisson")
QCFS = ("kernels/qcfs.py", "qcfs")
SCHEDULE = ("kernels/finetune.py", "schedule")
STEP = ("kernels/finetune.py", "step")
PULSE = ("kernels/network.py", "first_signal")
WALK = ("kernels/network.py", "walk")
ONCE = ("kernels/network.py", "_with_bias_once")
SETTLED = ("kernels/network.py", "settled_after")
LEVELS = ("kernels/integrate_fire.py", "_levels")
PRODUCTS = "[θ.dtype.type(m) * θ for m in range(1, max_spikes + 1)]"
MOVED = "trace.spikes.reshape(*moved.shape, node.size).any(axis=2)"

SOFT = "v - s.astype(θ.dtype) * θ"
BIAS_FIRST = "add(np.insert(rows, 0, 1, axis=1), np.insert(matrix, 0, bias, axis=1)).reshape(total.shape)"
RATE = "not _is_finite(rate) or rate < 0"
SOME = "len(layer_names) == len(weights) == len(gradients) == len(rates) == len(velocities)"

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

KERNELS = (
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
    Bug("> for >= at one", *ST_BIF, "v >= unit", "v > unit"),
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
    Bug(
        "a frozen layer's rate not checked",
        *STEP,
        "not _is_finite(rate) or rate < 0",
        f"index not in still and ({RATE})",
    ),
    Bug("some layers without velocities", *STEP, SOME, SOME.replace(" == len(velocities)", "")),
)
