# What joins several signals.

"""
    Add()

    I = ((0 + x₁) + x₂) + …

of signals of one shape, in the order in which the node names them.
"""
struct Add <: Operation end

"""
    Concat()

    I = x₁, behind it x₂, …

along the first axis: channels, or the values of a vector.
"""
struct Concat <: Operation end

function output_shape(::Add, shapes::AbstractVector)
    length(shapes) >= 2 && all(==(first(shapes)), shapes) ||
        throw(KernelError("shape", "Add reads two or more signals of one shape, not $(listed(shapes))"))
    return first(shapes)
end

function output_shape(::Concat, shapes::AbstractVector)
    length(shapes) >= 2 && all(shape -> shape[2:end] == first(shapes)[2:end], shapes) || throw(
        KernelError("shape", "Concat reads two or more signals alike but in channels, not $(listed(shapes))"),
    )
    return (sum(first, shapes), first(shapes)[2:end]...)
end

current_bound(::Add, largest) = sum(largest)
current_bound(::Concat, largest) = maximum(largest)

function currents!(currents, ::Add, signals::Vector{Signal})
    fill!(currents, 0)
    foreach(signal -> add_signal!(currents, signal.values), signals)
    return nothing
end

function add_signal!(currents, values)
    for step in axes(currents, 2)
        view(currents, :, step) .+= current_at(values, step)
    end
    return nothing
end

function currents!(currents, ::Concat, signals::Vector{Signal})
    before = 0
    for signal in signals
        n = size(signal.values, 1)
        put_signal!(view(currents, before+1:before+n, :), signal.values)
        before += n
    end
    return nothing
end

function put_signal!(currents, values)
    for step in axes(currents, 2)
        view(currents, :, step) .= current_at(values, step)
    end
    return nothing
end

make(type::Type{<:Union{Add,Concat}}, find) = type()
