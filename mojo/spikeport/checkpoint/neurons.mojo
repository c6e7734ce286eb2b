"""A layer's neuron parameters, as the rows of its neuron member."""
from ..checks import refusal
from ..neuron import LARGEST_TRACER, Neuron
from .npy import StoredArray

comptime NEURON_ROWS = 7
"""Rows of a neuron member: threshold, v_init, hard_reset, v_reset, beta,
tracer_min, tracer_max. In version 2 an eighth follows, `max_spikes`, the most
spikes of one neuron in one step; it is held only where it is above 1."""


def neuron_rows(neuron: Neuron, n: Int) -> StoredArray:
    """Returns what a layer's neuron member holds.

    Args:
        neuron: The neurons.
        n: Size of the first axis: neurons, or channels.

    Returns:
        Float64 of shape (7, 1) where every parameter is a single number, the
        same for all neurons, else (7, n); an eighth row where a neuron may send
        several spikes in a step.
    """
    var rows: List[List[Float64]] = [
        neuron.threshold.copy(),
        neuron.v_init.copy(),
        [1.0 if neuron.v_reset else 0.0],
        neuron.v_reset.copy().or_else([0.0]),
        neuron.beta.copy(),
        [Float64(neuron.tracer_min)],
        [Float64(neuron.tracer_max)],
    ]
    if neuron.max_spikes > 1:
        rows.append([Float64(neuron.max_spikes)])
    var width = 1
    for row in rows:
        if len(row) > 1:
            width = n
    var values = List[Float64](capacity=len(rows) * width)
    for row in rows:
        for k in range(width):
            values.append(row[min(k, len(row) - 1)])
    return StoredArray.of(values, [len(rows), width])


def neuron_from_rows(
    kind: String, rows: List[Float64], count: Int = NEURON_ROWS
) raises -> Neuron:
    """Reads the parameters of a neuron member of 7 or 8 rows."""
    var width = len(rows) // count
    var row = [
        List[Float64](Span(rows)[r * width : (r + 1) * width])
        for r in range(count)
    ]
    if count == NEURON_ROWS:
        row.append([1.0])
    for r in [2, 5, 6, 7]:
        for value in row[r]:
            if value != row[r][0] or _is_minus_zero(value):
                raise refusal(
                    "neuron",
                    "hard_reset, the tracer and max_spikes are one value each",
                )
    if row[2][0] != 0 and row[2][0] != 1:
        raise refusal("neuron", "hard_reset must be 0 or 1")
    var hard = row[2][0] == 1
    for value in row[3]:
        if not hard and (value != 0 or _is_minus_zero(value)):
            raise refusal("neuron", "v_reset must be 0 under soft reset")
    for bound in [row[5][0], row[6][0], row[7][0]]:
        # Compared before it is converted, so no bound is out of reach.
        if abs(bound) > Float64(LARGEST_TRACER) or Float64(Int(bound)) != bound:
            raise refusal("neuron", "tracer and max_spikes are whole numbers")
    try:
        var v_reset = Optional[List[Float64]](None)
        if hard:
            v_reset = row[3].copy()
        var neuron = Neuron(
            kind,
            threshold=row[0].copy(),
            v_init=row[1].copy(),
            v_reset=v_reset^,
            beta=row[4].copy(),
            tracer_min=Int(row[5][0]),
            tracer_max=Int(row[6][0]),
            max_spikes=Int(row[7][0]),
        )
        neuron.check(width)
        return neuron^
    except e:
        raise refusal("neuron", String(e))


def with_max_spikes(rows: StoredArray) -> StoredArray:
    """Returns the eight rows of version 2 for the rows that are held."""
    if rows.shape[0] > NEURON_ROWS:
        return rows.copy()
    var values = rows.values[DType.float64]()
    var width = len(values) // NEURON_ROWS
    for _ in range(width):
        values.append(1)
    return StoredArray.of(values, [NEURON_ROWS + 1, width])


def sends_several(rows: StoredArray) -> Bool:
    """Tells whether neurons of these rows may send several spikes in a step."""
    var values = rows.values[DType.float64]()
    for k in range(NEURON_ROWS * rows.shape[1], len(values)):
        if values[k] != 1:
            return True
    return False


def without_max_spikes(rows: StoredArray) -> StoredArray:
    """Returns the rows that are held for those of a file: without the eighth
    one where it is 1."""
    if rows.shape[0] == NEURON_ROWS or sends_several(rows):
        return rows.copy()
    var values = rows.values[DType.float64]()
    var width = rows.shape[1]
    return StoredArray.of(
        List[Float64](Span(values)[0 : NEURON_ROWS * width]),
        [NEURON_ROWS, width],
    )


def _is_minus_zero(value: Float64) -> Bool:
    return value == 0 and 1 / value < 0
