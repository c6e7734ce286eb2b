# Sum and average of a window, channel by channel.

"A window over each channel by itself."
abstract type Pool <: Operation end

"""
    SumPool(kernel; stride = kernel, padding = 0)

    I[c, p] = Σ_q x[c, p·stride + q - padding]      q ascending from +0

The kernel has one number for each axis, (taps,) or (rows, columns); a single number is a square of two axes. Stride
and padding are a number for all axes, or one for each. Throws [`KernelError`](@ref) with `shape`.
"""
struct SumPool <: Pool
    window::Window
    SumPool(kernel::PerAxis; stride = nothing, padding = 0) = new(pool_window(kernel, stride, padding))
end

"""
    AvgPool(kernel; stride = kernel, padding = 0)

    I[c, p] = (Σ_q x[c, p·stride + q - padding])/(places of the window)

as [`SumPool`](@ref), and one division, so not of integers; places in the padding count.
"""
struct AvgPool <: Pool
    window::Window
    AvgPool(kernel::PerAxis; stride = nothing, padding = 0) = new(pool_window(kernel, stride, padding))
end

"Return the window of a pool; its padding is below its kernel, so that every window has a place inside."
function pool_window(kernel::PerAxis, stride::Union{Nothing,PerAxis}, padding::PerAxis)
    taps = kernel isa Integer ? (kernel, kernel) : kernel
    window = Window(taps; stride = something(stride, taps), padding = padding)
    all(window.padding .< window.kernel) ||
        throw(KernelError("shape", "padding $(window.padding) is not below the kernel $(window.kernel) of a pool"))
    return window
end

function output_shape(operation::Pool, shapes::AbstractVector)
    shape = one_shape(typeof(operation), shapes)
    return (shape[1], places(operation.window, shape[2:end])...)
end

is_whole(::AvgPool) = false
current_bound(operation::SumPool, largest) = prod(operation.window.kernel) * only(largest)

function currents!(currents, operation::Union{SumPool,AvgPool}, signals::Vector{Signal})
    signal = only(signals)
    rows, columns = rows_and_columns(operation.window, signal.shape)
    for step in axes(currents, 2)
        total = view(currents, :, step)
        fill!(total, 0)
        scatter!(total, view(signal.values, :, step), signal.shape[1], rows, columns)
        operation isa AvgPool && (total ./= eltype(currents)(prod(operation.window.kernel)))
    end
    return nothing
end

"Add each value that is not 0, in ascending order, to the places of its own channel that read it."
function scatter!(total, x, channels::Int, rows::Axis, columns::Axis)
    at = 0
    for channel in 0:channels-1, row in rows.hits, column in columns.hits
        value = @inbounds x[at+=1]
        value == 0 && continue
        for (_, row_place) in row, (_, column_place) in column
            @inbounds total[column_place+columns.o*(row_place-1+rows.o*channel)] += value
        end
    end
    return nothing
end

function attributes(operation::Pool)
    window = operation.window
    return Pair{String,Union{Int,Shape}}[
        "kernel" => window.kernel,
        "padding" => window.padding,
        "stride" => window.stride,
    ]
end

make(type::Type{<:Pool}, find) =
    type(find("kernel"); stride = find("stride"), padding = something(find("padding"), 0))
