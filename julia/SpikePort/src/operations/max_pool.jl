# Max pooling of spikes: the difference of running maxima.

"""
    MaxPool(kernel; stride = kernel, padding = 0)

    X[t] = X[t-1] + x[t];    Y[t, c, p] = max_q X[t, c, p·stride + q - padding];    I[t] = Y[t] - Y[t-1]

with X and Y at 0 before the first step; places in the padding are none. What it gives adds up, over any number of
steps, to the largest sum in the window. Of spikes of 0 and 1 it makes spikes of 0 and 1: the largest count of a window
grows by at most one in a step, and never shrinks. Kernel, stride and padding are those of [`SumPool`](@ref).
"""
struct MaxPool <: Pool
    window::Window
    MaxPool(kernel::PerAxis; stride = nothing, padding = 0) = new(pool_window(kernel, stride, padding))
end

remembers(::MaxPool) = true
current_bound(::MaxPool, largest) = only(largest)

function currents!(currents::Matrix{T}, operation::MaxPool, signals::Vector{Signal}) where {T}
    signal, window = only(signals), operation.window
    sizes = signal.shape[2:end]
    reads = [
        [clipped(p * stride - padding, kernel, n) for p in 0:o-1] for (n, o, kernel, stride, padding) in
        zip(sizes, places(window, sizes), window.kernel, window.stride, window.padding)
    ]
    rows, columns = length(reads) == 1 ? ([1:1], reads[1]) : reads
    inner = length(sizes) == 1 ? (sizes[1], 1) : reverse(sizes)
    sums = zeros(T, inner..., signal.shape[1])
    largest = zeros(T, length(columns), length(rows), signal.shape[1])
    for step in axes(currents, 2)
        x = reshape(current_at(signal.values, step), size(sums))
        sums .+= x
        grow!(reshape(view(currents, :, step), size(largest)), largest, sums, x, rows, columns)
    end
    return nothing
end

"Return the indices, from 1, of those of `kernel` places from `start` on, counted from 0, that lie within `n`."
clipped(start::Int, kernel::Int, n::Int) = max(start, 0)+1:min(start + kernel, n)

"Set `currents` to what the maxima of the windows grow by; a channel that nothing reached has none to look for."
function grow!(currents, largest, sums, x, rows, columns)
    for channel in axes(sums, 3)
        if all(iszero, view(x, :, :, channel))
            fill!(view(currents, :, :, channel), 0)
            continue
        end
        for (p, row) in enumerate(rows), (q, column) in enumerate(columns)
            value = window_maximum(sums, row, column, channel)
            @inbounds currents[q, p, channel] = value - largest[q, p, channel]
            @inbounds largest[q, p, channel] = value
        end
    end
    return nothing
end

function window_maximum(sums::Array{T}, row, column, channel) where {T}
    value = typemin(T)
    @inbounds for i in row, j in column
        value = ifelse(sums[j, i, channel] > value, sums[j, i, channel], value)
    end
    return value
end
