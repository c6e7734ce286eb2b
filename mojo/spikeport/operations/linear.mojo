"""A linear layer: every output reads every input.

    I[j] = (0 + W[j, 0]·x[0] + W[j, 1]·x[1] + …) + b[j]

in this order and with no fused multiply-add.
"""
from ..checks import (
    check_finite,
    check_shape,
    check_weights,
    product,
    refusal,
)
from .operation import Operation, Signal, the_only
from .weighted import Packed


struct Linear[element: DType](Operation):
    """`I[j] = (Σ_k W[j, k]·x[k]) + b[j]`, k ascending, the bias last.

    Parameters:
        element: Type of weights, bias and currents.
    """

    comptime dtype = Self.element
    """Type of weights, bias and currents."""

    var packed: Packed[Self.element]
    """Weights and bias, laid out for adding."""

    def __init__(
        out self,
        weights: List[Scalar[Self.element]],
        n_in: Int,
        n_out: Int,
        bias: Optional[List[Scalar[Self.element]]] = None,
    ) raises:
        """Checks the arrays and lays them out.

        Args:
            weights: W, shape (n_out, n_in).
            n_in: Number of inputs.
            n_out: Number of outputs.
            bias: b, shape (n_out,), or None.

        Raises:
            Error: `shape`, `non_finite`; of integers `overflow`.
        """
        check_shape("weights", len(weights), product(n_out, n_in))
        check_weights("weights", weights)
        if bias:
            check_shape("bias", len(bias.value()), n_out)
            check_finite("bias", bias.value())
        self.packed = Packed(weights, n_in, n_out, bias)

    def output_shape(self, inputs: List[List[Int]]) raises -> List[Int]:
        """Returns the shape of the currents.

        Args:
            inputs: Shape of every signal that it reads: one, read flat.

        Returns:
            The shape (n_out,).

        Raises:
            Error: `shape`.
        """
        var shape = the_only(inputs, "a linear layer")
        if product(shape) != self.packed.n_in:
            raise refusal(
                "shape",
                String(
                    "a signal of ",
                    product(shape),
                    " values feeds a layer that takes ",
                    self.packed.n_in,
                ),
            )
        return [self.packed.n_out]

    def remembers(self) -> Bool:
        """Tells that a step knows nothing of those before it.

        Returns:
            False.
        """
        return False

    def currents(
        self,
        signals: List[Signal[Self.dtype]],
        sources: List[Int],
        steps: Int,
        batch: Int,
    ) -> List[Scalar[Self.dtype]]:
        """Sums what it reads.

        Args:
            signals: The signals of a run.
            sources: Which of them it reads: one.
            steps: Number of steps, 1 where that one is steady.
            batch: Number of samples.

        Returns:
            Currents of shape (steps, batch, n_out).
        """
        ref signal = signals[sources[0]]
        var rows = steps * batch
        if signal.is_spiking:
            return self.packed.sums(signal.spikes, rows)
        return self.packed.sums(signal.values, rows)

    def bound(self, reach: List[Float64]) -> Float64:
        """Returns what its currents can reach in absolute value.

        Args:
            reach: What the signals that it reads reach: one number.

        Returns:
            The largest row of Σ |W|·x + |b|.
        """
        return self.packed.bound(reach[0])

    def take_bias(mut self) -> List[Scalar[Self.dtype]]:
        """Takes the bias out.

        Returns:
            The bias, one for each output, or nothing.
        """
        var bias = List[Scalar[Self.dtype]]()
        swap(bias, self.packed.bias)
        return bias^
