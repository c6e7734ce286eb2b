"""What whole numbers did to the answer: bounded for every current, measured at the output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.graph import SNNGraph
from spikeport.graph.effort import compared_on
from spikeport.integers.inputs.step import InputStep
from spikeport.integers.plan import Part, Plan

Array = npt.NDArray[Any]

AT_ONCE: Final = 64


def bounded(plan: Plan, step: InputStep) -> Certificate:
    """Return the bound: how far a current may be from the real one, while the same whole numbers arrive."""
    worst = max((float(part.shift.max(initial=0)) for part in plan.parts.values()), default=0.0)
    off = [name for name, part in plan.parts.items() if part.shift.max(initial=0) == worst]
    where = f", most at {off[0]}" if worst else ""
    inputs = "inputs lie on the step" if step.exact else "real inputs are rounded to the step, half of it at most"
    return Certificate(
        "bounded",
        f"weights of {plan.budget.bits} bits: in one step no current, threshold or start is further from the real one, "
        f"in thresholds, while the same whole numbers of up to {plan.input.largest:,} arrive{where}; {inputs} "
        f"({step.said})",
        bound=worst,
        details={
            "bits": plan.budget.bits,
            "timesteps": plan.budget.timesteps,
            "input_step": step.step,
            "input_offset": step.offset,
            "layers": {name: _said(part) for name, part in plan.parts.items()},
        },
    )


def _said(part: Part) -> dict[str, Any]:
    """Return the figures of one layer."""
    said: dict[str, Any] = {"shift": float(part.shift.max(initial=0))}
    if part.rows is not None:
        said["largest_weight"] = int(np.abs(part.rows.weights).max(initial=0))
    if part.nodes[-1].neuron.is_spiking:
        θ = np.asarray(part.nodes[-1].neuron.threshold)
        said["thresholds"] = [int(θ.min()), int(θ.max())]
    if part.rows is not None and part.rows.errors is not None:
        plain, kept = (float(np.sqrt((each / part.rows.scale**2).mean())) for each in part.rows.errors)
        said |= {"by_data": float(part.rows.by_data.mean()), "error_plain": plain, "error": kept}
    if len(part.nodes) > 1:
        said["put_before"] = [node.name for node in part.nodes[:-1]]
    return said


def certified(
    graph: SNNGraph, whole: SNNGraph, plan: Plan, step: InputStep, x: Array | None, **how: Any
) -> Certificate:
    """Return the certificate of ``whole``, fed by ``step``, beside ``graph``: measured on samples ``x`` if there are.

    ``how`` is T, encoding and backend of the runs.
    """
    proven = bounded(plan, step)
    if x is None:
        return proven
    T, is_pulse = how["T"], how["encoding"] == "pulse"
    x = x[np.linspace(0, len(x) - 1, compared_on(graph, 2 * T, len(x))).round().astype(int)]
    steps = 1 if is_pulse else T
    real, found = [], []
    for start in range(0, len(x), AT_ONCE):
        some = x[start : start + AT_ONCE]
        real.append(_drive(graph, some, how) / steps)
        found.append(_drive(whole, step.whole(some), how) * (plan.output_step / steps))
    before, after = np.concatenate(real), np.concatenate(found)
    fed = "given once, as a pulse" if is_pulse else "fed as constant current"
    kept_apart = "" if plan.evidence is None else ", which nothing was rounded by"
    return Certificate(
        "measured",
        f"the output's drive in {T} steps against the float network's, on samples {fed}{kept_apart}",
        agreement=float((before.argmax(1) == after.argmax(1)).mean()) if before.shape[1] > 1 else None,
        largest_difference=float(np.abs(before - after).max()),
        samples=len(x),
        details={"T": T, "relative_error": _relative(before, after), **proven.details},
        further=(replace(proven, details={}),),
    )


def _drive(graph: SNNGraph, x: Array, how: dict[str, Any]) -> Array:
    return np.asarray(graph.run(x, **how).drive, np.float64).reshape(len(x), graph.n_outputs)


def _relative(before: Array, after: Array) -> float:
    """Return the mean absolute difference, in standard deviations of the float network's drive."""
    return float(np.abs(before - after).mean() / (before.std() or np.abs(before).max() or 1.0))
