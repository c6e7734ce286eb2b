# One layer by itself: spikes in, weighted sums, neurons, spikes out. The sums are those of `Linear`.

"""
    layer_forward(inputs, weights, bias, neuron) -> Trace

Run one layer over `inputs` of size (in, batch, steps) and return its spikes of size (out, batch, steps).

    I[j] = (0 + W[j, 1]·x[1] + W[j, 2]·x[2] + … ) + b[j]

in this order, with no fused multiply-add, which makes a current independent of the batch and of the language. The sum
starts at +0 and so is never -0, which is why terms with `x[k] = 0` may be left out. Weights of Int8 or Int16 take whole
inputs and make currents of Int32. Throws [`KernelError`](@ref) with `shape`, `non_finite`, `neuron_kind` and the codes of
the neuron's own kernel; of integers with `not_whole`, or `overflow` where the run could pass 32 bits.
"""
function layer_forward(
    inputs::AbstractArray,
    weights::AbstractMatrix,
    bias::Union{Nothing,AbstractVector},
    neuron::Neuron,
)
    operation = Linear(weights, bias)
    T = current_type(eltype(operation.weights))
    x = T <: Float ? as_float("inputs", inputs) : as_elements(T, "inputs", inputs)
    n_out, n_in = size(operation.weights)
    ndims(x) == 3 && size(x, 1) == n_in ||
        throw(KernelError("shape", "inputs $(size(x)) do not fit weights $(size(weights)): give ($n_in, batch, steps)"))
    batch, steps = size(x, 2), size(x, 3)
    neurons = neurons_of(neuron, T, n_out, batch)
    check_reach(operation, neurons, x, steps)
    currents = zeros(T, n_out, batch * steps)
    currents!(currents, operation, reshape(x, n_in, batch * steps))
    check_finite("currents", currents)
    return fire(neurons, reshape(currents, n_out, batch, steps))
end
