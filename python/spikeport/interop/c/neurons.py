"""What a node's neurons do with one current, as statements of C: the contract's equations, section 2.1."""

from __future__ import annotations

from spikeport.interop.c.arrays import Parts
from spikeport.interop.c.text import Lines

EQUATIONS = {
    "IF": "v = v + I;  s = how many m in 1 ... max_spikes have v >= m*theta;  v = v - s*theta, or v_reset where s > 0",
    "ST-BIF": "v = v + I;  s = +1 if v >= theta and S < tracer_max, else -1 if v < 0 and S > tracer_min, else 0;  "
    "S = S + s;  v = v - s*theta",
    "identity": "s = I",
}


def fire(line: Lines, parts: Parts) -> None:
    """Write what neuron ``n``, of entry ``c`` of the first axis, does with the current ``I``."""
    index, neuron = parts.index, parts.node.neuron
    v, S, signal = (f"{letter}_{index}[n]" for letter in ("v", "S", "signal"))
    if parts.is_output:
        line("drive[n] += I;")
    if parts.θ is None:
        line(f"{signal} = I;", f"{S} += I;", "moved |= I != 0;")
        return
    θ = parts.θ.text
    line(f"{v} += I;")
    if neuron.kind == "ST-BIF":
        line(
            f"const int32_t s = {v} >= {θ} && {S} < {neuron.tracer_max} ? 1",
            f"                : {v} < 0 && {S} > {neuron.tracer_min} ? -1 : 0;",
        )
    elif neuron.max_spikes == 1:
        line(f"const int32_t s = {v} >= {θ};")
    else:
        line("int32_t s = 0;")
        with line.block(f"while (s < {neuron.max_spikes} && {v} >= (s + 1) * {θ})"):
            line("s++;")
    line(f"{S} += s;")
    if parts.reset is None:
        line(f"{v} -= s * {θ};")
    else:
        with line.block("if (s > 0)"):
            line(f"{v} = {parts.reset.text};")
    line(f"{signal} = (int8_t)s;", "moved |= s != 0;")


def is_per_entry(parts: Parts) -> bool:
    """Whether what neurons do hangs on the entry ``c`` of the first axis that they belong to."""
    return any(parameter is not None and parameter.is_array for parameter in (parts.θ, parts.reset))
