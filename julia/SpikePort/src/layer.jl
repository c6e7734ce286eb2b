# One layer by itself: spikes in, weighted sums, neurons, spikes out. The sums are those of `Linear`.

"""
    layer_forward(inputs, weights, bias, neuron) -> Trace

Run one layer over `inputs` of size (in, batch, steps) and return its spikes of size (out, batch, steps).

    I[j] = (0 + W[j, 1]·x[1] + W[j, 2]·x[2] + … ) + b[j]

in this order, with no fused multiply-add, which makes a current independent of the batch and of the language. The sum
starts at +0 and so is never -0, which is why terms with `x[k] = 0` may be left out. Throws [`KernelError`](@ref) with
`shape`, `non_finite`, and the codes of the neuron's own kernel.
"""
function layer_forward(
    inputs::AbstractArray,
    weights::AbstractMatrix,
    bias::Union{Nothing,AbstractVector},
    neuron::Neuron,
)
    operation = Linear(weights, bias)
    x = as_float("inputs", inputs)
    n_out, n_in = size(operation.weights)
    ndims(x) == 3 && size(x, 1) == n_in ||
        throw(KernelError("shape", "inputs $(size(x)) do not fit weights $(size(weights)): give ($n_in, batch, steps)"))
    batch, steps = size(x, 2), size(x, 3)
    currents = zeros(eltype(operation.weights), n_out, batch * steps)
    currents!(currents, operation, reshape(x, n_in, batch * steps))
    check_finite("currents", currents)
    return fire(neurons_of(neuron, eltype(currents), n_out, batch), reshape(currents, n_out, batch, steps))
end
