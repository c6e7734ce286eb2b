"""Merging: neurons that receive the same and have the same parameters send the same, so one can stand for all.

Two neurons are equal where row, bias, threshold, initial membrane, reset and leak are. A scale makes no difference:
dividing row, bias, threshold and reset by one power of two changes no bit of any comparison, so neurons are compared
with the exponent of their threshold taken out. The one that stays takes the **sum** of the
outgoing columns. (Where two equal neurons had equal columns that is twice the column: the documented special case.)

Finding the equal ones: rows are hashed by a random linear form modulo 2^64 over their bits, and rows of equal hash
are compared in full. Finding the near ones (``tolerance`` > 0): an orthogonal projection never lengthens a
difference, so no pair within the tolerance can be missed among those whose projections are within it; the
projections are compared by blocked matrix products, and what is left is measured in full.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.errors import GraphError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.snn_optimizer.proofs.arithmetic import Grid, rounding, row_mass
from spikeport.snn_optimizer.proofs.bounds import ends_without_proofs
from spikeport.snn_optimizer.proofs.grids import grids_from_ends, input_grids
from spikeport.snn_optimizer.proofs.patches import patches_of
from spikeport.snn_optimizer.proofs.scope import Scope
from spikeport.snn_optimizer.proofs.shifts import bounded_by, largest_shift, order_certificate, shifts, sum_error
from spikeport.snn_optimizer.surgery.rewrite import Rewrite, unchanged
from spikeport.snn_optimizer.surgery.units import handed_on, keep_units, removable, speakers_along
from spikeport.snn_optimizer.surgery.weighted import per_unit, rebuilt, rows_of, thresholds, units_of, weighted_of
from spikeport.snn_optimizer.surgery.wiring import replace

Array = npt.NDArray[Any]
ROWS_AT_ONCE = 64  # bounds the memory of a block of rows as bits
PROJECTED = 64  # axes of the projection: more leave fewer candidates, and cost more to compare
PAIRS_AT_ONCE = 512  # bounds the memory of a block of distances


def merge_duplicates(
    graph: SNNGraph, scope: Scope, *, tolerance: float = 0.0, correlation_threshold: float = 0.99
) -> Rewrite:
    """Merge hidden neurons that are equal, or near.

    Parameters
    ----------
    tolerance : how far the currents of two merged neurons may differ in one step, in units of their threshold; 0 merges
        equal neurons only
    correlation_threshold : near neurons must also have rows that correlate at least so much
    """
    if not (np.isfinite(tolerance) and tolerance >= 0):
        raise GraphError("tolerance", f"tolerance must be a finite number of at least 0, not {tolerance!r}")
    if not -1 <= correlation_threshold <= 1:
        raise GraphError(
            "correlation_threshold", f"correlation_threshold must be in [-1, 1], not {correlation_threshold!r}"
        )
    first, apart, readers_of = {}, {}, {}
    grids, inputs = input_grids(graph, scope.arriving) if tolerance else ({}, "")
    for node, readers in removable(graph):
        state = state_along(graph, node)
        if tolerance:
            bound = term_bound(node, grids[node.name].bound)
            speaker, distance = _first_near(node, state, bound, tolerance, correlation_threshold)
        else:
            speaker, distance = first_equal(node, state), np.zeros(units_of(node))
        if (speaker != np.arange(len(speaker))).any():
            first[node.name], apart[node.name], readers_of[node.name] = speaker, distance, readers
    if not first:
        return unchanged(graph, "no two neurons are equal" + (f" within {tolerance:g} θ" if tolerance else ""))

    result, merged = graph, dict[str, str]()
    summed: dict[str, list[str]] = {}
    units = "neurons" if graph.is_linear_chain else "units"
    for name, speaker in first.items():
        merged[name] = f"{int((speaker != np.arange(len(speaker))).sum())} {units} of {name!r}"
        for reader in readers_of[name]:
            after = result[reader.node.name]
            total = summed_columns(rows_of(after), speaker, reader.terms)
            result = replace(result, after.name, rebuilt(after, total))
            summed.setdefault(after.name, []).append(name)
    keep = {name: np.flatnonzero(speaker == np.arange(len(speaker))) for name, speaker in first.items()}
    result, survivors = keep_units(result, keep)
    speakers = speakers_along(graph, first, survivors)
    if tolerance:
        what = f"{', '.join(merged.values())} merged; on {inputs}"
        certificate = _near_certificate(graph, first, apart, summed, grids, what)
    else:
        equal = "equal others in row, bias and neuron; outgoing columns summed"
        what_of = {after: f"{', '.join(merged[name] for name in names)} {equal}" for after, names in summed.items()}
        open_grids = grids_from_ends(graph, ends_without_proofs(graph, scope.arriving))
        certificate = order_certificate(graph, what_of, open_grids)
    return Rewrite(result, certificate, survivors, speakers, recomputed=list(summed))


def state_along(graph: SNNGraph, node: LayerNode) -> Array:
    """Return what else tells units of a node apart: the neurons of pools and joins that their units are handed to.

    Shape (units, numbers); parameters that are the same for all units are left out.
    """
    columns = [np.zeros((units_of(node), 0))]
    for name, units in handed_on(graph, node.name).items():
        neuron = graph[name].neuron
        if name != node.name and neuron.is_spiking and not neuron.is_uniform:
            for value in (neuron.threshold, neuron.v_init, neuron.v_reset, neuron.beta):
                columns.append(per_unit(graph[name], 0.0 if value is None else value)[units])
    return np.concatenate(columns, axis=1)


def term_bound(node: LayerNode, bound: Array) -> Array:
    """Return the most that each term of a node's sums reads at any place, shape (terms,)."""
    (kinds,), _ = patches_of(weighted_of(node), bound)
    return np.asarray(kinds.max(axis=(0, 1)))


def summed_columns(weights: Array, first: Array, terms: Array | None = None) -> Array:
    """Return the weights with every column j added to column ``first[j]`` (in ascending order of j).

    ``terms`` says which columns belong to each j, shape (units, …); by default the one column j.
    """
    total: Array = weights.copy()
    columns = np.arange(len(first))[:, None] if terms is None else terms
    for j in np.flatnonzero(first != np.arange(len(first))):
        total[:, columns[first[j]]] += weights[:, columns[j]]
    return total


def first_equal(layer: LayerNode, state: Array | None = None) -> Array:
    """Return, for every unit, the index of the first unit that equals it (its own where none before it does).

    ``state`` are further numbers that must be equal, shape (units, …).
    """
    weights, extra = _canonical(layer)
    if state is not None and state.size:
        extra = np.ascontiguousarray(np.column_stack([extra, state.astype(extra.dtype) + extra.dtype.type(0.0)]))
    hashes = _hash(weights) ^ _hash(extra)
    _, inverse, count = np.unique(hashes, return_inverse=True, return_counts=True)
    first = np.arange(len(weights))
    seen: dict[bytes, int] = {}
    for j in np.flatnonzero(count[inverse] > 1):
        key = (weights[j] + 0.0).tobytes() + extra[j].tobytes()
        first[j] = seen.setdefault(key, int(j))
    return first


def _canonical(layer: LayerNode) -> tuple[Array, Array]:
    """Return rows (units, terms) and the rest of each unit (units, 5), with the exponent of its threshold taken out."""
    n, neuron, dtype = units_of(layer), layer.neuron, layer.weights.dtype
    bias = np.zeros(n, dtype) if layer.bias is None else layer.bias
    reset = 0.0 if neuron.v_reset is None else neuron.v_reset
    values = (neuron.threshold, neuron.v_init, reset, neuron.beta)
    θ, v_init, reset, β = (per_unit(layer, value).astype(dtype) for value in values)
    weights = rows_of(layer)
    if neuron.is_spiking and (θ != θ[0]).any():
        exponent = np.frexp(θ)[1]
        scaled = np.ldexp(weights, -exponent[:, None])
        back = np.ldexp(scaled, exponent[:, None]) == weights
        own = np.ldexp(bias, -exponent), np.ldexp(reset, -exponent)
        exact = back.all(axis=1) & (np.ldexp(own[0], exponent) == bias) & (np.ldexp(own[1], exponent) == reset)
        weights = np.where(exact[:, None], scaled, weights)
        bias, reset = np.where(exact, own[0], bias), np.where(exact, own[1], reset)
        θ = np.where(exact, np.ldexp(θ, -exponent), θ)
    if not neuron.is_spiking:
        θ, v_init = np.ones(n, dtype), np.zeros(n, dtype)
    extra = np.stack([bias, θ, v_init, reset, β], axis=1) + dtype.type(0.0)  # -0 becomes +0
    return weights, np.ascontiguousarray(extra)


def _hash(rows: Array) -> Array:
    """Return ``Σ_k r[k]·bits(row[k]) mod 2^64`` of every row, r odd and drawn once: equal rows, equal hashes."""
    factors = np.random.default_rng(0x5B1CE).integers(0, 2**63, rows.shape[1], dtype=np.uint64) * np.uint64(2)
    factors += np.uint64(1)
    bits = np.uint32 if rows.dtype == np.float32 else np.uint64
    hashes = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        block = np.ascontiguousarray(rows[start : start + ROWS_AT_ONCE] + rows.dtype.type(0.0))
        hashes[start : start + ROWS_AT_ONCE] = (block.view(bits).astype(np.uint64, copy=False) * factors).sum(axis=1)
    return hashes


def _first_near(
    layer: LayerNode, others: Array, bound: Array, tolerance: float, correlation_threshold: float
) -> tuple[Array, Array]:
    """Return for every unit the first one it may merge with, and how far it is from it, in thresholds.

    ``others`` are numbers that must be equal, shape (units, …).
    """
    neuron, n, θ = layer.neuron, units_of(layer), thresholds(layer)
    bias = np.zeros(n) if layer.bias is None else layer.bias
    weights = rows_of(layer)
    rows = np.column_stack([weights * bound, bias]) / θ[:, None]
    reset = np.zeros(n) if neuron.v_reset is None else np.asarray(neuron.v_reset) / θ
    own = np.column_stack(np.broadcast_arrays(neuron.v_init, reset, neuron.beta, np.zeros(n))).astype(np.float64)
    state = np.column_stack([own, others])

    first, apart = np.arange(n), np.zeros(n)
    for j, later in _near_candidates(rows, tolerance):
        if first[j] != j:
            continue
        later = later[first[later] == later]
        distance = np.abs(rows[later] - rows[j]).sum(axis=1)
        near = (distance <= tolerance) & (state[later] == state[j]).all(axis=1)
        near &= _correlation(weights[later], weights[j]) >= correlation_threshold
        first[later[near]] = j
        apart[later[near]] = distance[near]
    return first, apart


def _near_candidates(rows: Array, tolerance: float) -> list[tuple[int, Array]]:
    """Return (j, later neurons that may be within ``tolerance`` of j): none that is within it is missing."""
    width = min(PROJECTED, rows.shape[1])
    basis, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(rows.shape[1], width)))
    shadow = rows @ basis
    size = (shadow**2).sum(axis=1)
    slack = 1e-9 * float(size.max(initial=0.0))
    found = []
    for start in range(0, len(rows), PAIRS_AT_ONCE):
        block = slice(start, start + PAIRS_AT_ONCE)
        squared = size[block, None] + size[None, start:] - 2 * (shadow[block] @ shadow[start:].T)
        near = np.triu(squared <= tolerance**2 + slack, 1)
        for i in np.flatnonzero(near.any(axis=1)):
            found.append((start + int(i), start + np.flatnonzero(near[i])))
    return found


def _correlation(rows: Array, row: Array) -> Array:
    """Return Pearson's correlation of every row with ``row``, in [-1, 1]; 1 where both are constant, 0 where one is."""
    a = rows - rows.mean(axis=1, keepdims=True)
    b = row - row.mean()
    norms = np.sqrt((a**2).sum(axis=1)), np.sqrt((b**2).sum())
    product = norms[0] * norms[1]
    flat = np.where((norms[0] == 0) & (norms[1] == 0), 1.0, 0.0)
    correlation = np.where(product > 0, (a @ b) / np.where(product > 0, product, 1), flat)
    return np.clip(correlation, -1, 1)  # rounding may bring it beyond, where a threshold of -1 asks for nothing


def _near_certificate(
    graph: SNNGraph,
    first: Mapping[str, Array],
    apart: Mapping[str, Array],
    summed: Collection[str],
    grids: Mapping[str, Grid],
    what: str,
) -> Certificate:
    # columns are summed, which adds the same terms in another order
    own_shifts = {name: 2 * sum_error(graph[name], grids[name]) for name in summed}
    after = graph
    for name, speaker in first.items():
        layer, same = graph[name], first_equal(graph[name])
        θ = thresholds(layer)
        compared = rounding(4, np.float64, row_mass(layer, grids[name].bound))  # the division by θ
        error = (sum_error(layer, grids[name]) + compared) / θ
        differs = np.where(same == same[speaker], 0.0, apart[name] + error + error[speaker])
        own_shifts[name] = own_shifts.get(name, np.zeros(units_of(layer))) + differs * θ
        # a shift of the inputs reaches the merged neuron through the row of the neuron that now stands for it
        scale = (θ / θ[speaker]).astype(layer.weights.dtype)[:, None]
        after = replace(after, name, rebuilt(layer, rows_of(layer)[speaker] * scale))
    bound = largest_shift(shifts(after, own_shifts, grids), after)
    reason = f"{what} the current of a merged neuron differs from that of the neuron that stands for it by at most"
    return bounded_by(reason, bound, " θ")
