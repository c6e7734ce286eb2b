# One operation by itself, on signals of many samples.

"""
    operation_currents(operation, signals...) -> Array

Return the currents of size (reverse(shape)…, batch, steps) for signals (reverse(shape)…, batch, steps).

A shape is the contract's, channels first, so an image is (width, height, channels). The currents are of the type that
the operation's weights make; of one without weights, of that of the first signal. Throws [`KernelError`](@ref) with
`shape` or `non_finite`; of Int32 with `operation`, `not_whole`, or `overflow` where the currents could pass 32 bits.
"""
function operation_currents(operation::Operation, signals::AbstractArray...)
    isempty(signals) && throw(KernelError("shape", "an operation reads one signal or more"))
    all(signal -> 3 <= ndims(signal) <= 5, signals) && allequal_by(signal -> size(signal)[end-1:end], signals) || throw(
        KernelError("shape", "signals of sizes $(join(size.(signals), ", ")): give (reverse(shape)..., batch, steps)"),
    )
    batch, steps = size(first(signals))[end-1:end]
    W = array_type(operation)
    T = W === nothing ? element_type(first(signals)) : current_type(W)
    T <: Float || check_whole(operation)
    given = [as_elements(T, "inputs", signal) for signal in signals]
    shapes = [reverse(size(signal)[1:end-2]) for signal in given]
    shape = output_shape(operation, shapes)
    check_reach(operation, given, steps)
    currents = zeros(T, prod(shape), batch, steps)
    for b in 1:batch
        sample(signal, of) = Signal(reshape(signal, prod(of), batch, steps)[:, b, :], of, false)
        one = zeros(T, prod(shape), steps)
        currents!(one, operation, Signal[sample(signal, of) for (signal, of) in zip(given, shapes)])
        currents[:, b, :] = one
    end
    check_finite("currents", currents)
    return reshape(currents, reverse(shape)..., batch, steps)
end

"Throw `operation` for an operation that cannot be one of integers."
check_whole(operation::Operation) =
    is_whole(operation) || throw(
        KernelError(
            "operation",
            "$(nameof(typeof(operation))) divides, so it is not for integers: take SumPool, and the factor into the " *
            "next weights",
        ),
    )

allequal_by(of, items) = all(item -> of(item) == of(first(items)), items)
