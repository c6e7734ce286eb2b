# Fine-tuning: which layers are frozen, how fast the others learn, and one step of it.

"Which layers are frozen (names, in network order) and the learning rate of every layer."
struct Schedule
    frozen::Vector{String}
    rates::Vector{Float64}
end

"""
    finetune_schedule(layer_names; freeze_until = -1, lr_backbone = 0, lr_head = 0.01, frozen = [], head = nothing)

Return the [`Schedule`](@ref): the frozen layers, and a rate for each layer.

`freeze_until` is a layer's place counted from 0 (-1 freezes none), as in every language of the contract, or its name;
what was `frozen` stays so; `head` names the first layer of the head, the last layer by default.

    frozen  = those frozen before, and layers 0 … k
    rate[l] = 0 where frozen;  lr_head from the head on;  lr_backbone before it

Throws [`KernelError`](@ref) with `learning_rate`, `unknown_layer` or `index_range`.
"""
function finetune_schedule(
    layer_names::AbstractVector{<:AbstractString};
    freeze_until::Union{Integer,AbstractString} = -1,
    lr_backbone::Real = 0.0,
    lr_head::Real = 0.01,
    frozen::AbstractVector = String[],
    head::Union{Nothing,AbstractString} = nothing,
)
    check_rate("lr_backbone", lr_backbone)
    check_rate("lr_head", lr_head)
    last_frozen = freeze_until isa Integer ? place(layer_names, freeze_until) : position_of(layer_names, freeze_until)
    first_of_head = head === nothing ? length(layer_names) : position_of(layer_names, head)
    before = [position_of(layer_names, name) for name in frozen]
    kept = [k in before || k <= last_frozen for k in eachindex(layer_names)]
    rates = [kept[k] ? 0.0 : Float64(k >= first_of_head ? lr_head : lr_backbone) for k in eachindex(layer_names)]
    return Schedule(String[layer_names[k] for k in eachindex(layer_names) if kept[k]], rates)
end

"""
    finetune_unfreeze(layer_names, frozen; names = [], all_layers = false) -> Vector{String}

Return the layers that stay frozen, in network order, when `names` (or all) are set free.

Throws [`KernelError`](@ref) with `unknown_layer` for a name that is not among `layer_names`.
"""
function finetune_unfreeze(
    layer_names::AbstractVector{<:AbstractString},
    frozen::AbstractVector;
    names::AbstractVector = String[],
    all_layers::Bool = false,
)
    free = [position_of(layer_names, name) for name in names]
    before = [position_of(layer_names, name) for name in frozen]
    all_layers && return String[]
    return String[layer_names[k] for k in eachindex(layer_names) if k in before && !(k in free)]
end

"""
    finetune_step(weights, gradients, rates; layer_names, frozen = [], momentum = 0, velocities = nothing)

Return the weights and the velocities after one step of gradient descent with momentum.

    u = μ·u + g
    w = w - η·u

in this order, with no fused multiply-add; rates and momentum are checked as given, then rounded to the weights' type. A
layer that is frozen, or whose rate is 0, keeps the bits of both. Each vector has one array for each layer; velocities
are zeros by default. Throws [`KernelError`](@ref) with `momentum`, `shape`, `unknown_layer`, `learning_rate` or
`non_finite`, in this order.
"""
function finetune_step(
    weights::AbstractVector,
    gradients::AbstractVector,
    rates::AbstractVector{<:Real};
    layer_names::AbstractVector{<:AbstractString},
    frozen::AbstractVector = String[],
    momentum::Real = 0.0,
    velocities::Union{Nothing,AbstractVector} = nothing,
)
    isfinite(momentum) && 0 <= momentum < 1 ||
        throw(KernelError("momentum", "momentum must be in [0, 1), not $momentum"))
    moving = velocities === nothing ? [zeros(float_type(w), size(w)) for w in weights] : velocities
    length(layer_names) == length(weights) == length(gradients) == length(rates) == length(moving) || throw(
        KernelError(
            "shape",
            "names, weights, gradients, rates and velocities differ in number: give one for each layer",
        ),
    )
    still = [position_of(layer_names, name) for name in frozen]
    stepped = [
        step_layer(weights[k], gradients[k], moving[k], rates[k], momentum, k in still) for k in eachindex(weights)
    ]
    return map(first, stepped), map(last, stepped)
end

function step_layer(weight, gradient, velocity, rate, momentum, is_still::Bool)
    check_rate("a rate", rate)
    w = as_float("weights", weight)
    T = eltype(w)
    g = convert(Array{T}, as_float("gradients", gradient))
    u = convert(Array{T}, as_float("velocities", velocity))
    size(w) == size(g) == size(u) ||
        throw(KernelError("shape", "weights $(size(w)), gradients $(size(g)) and velocities $(size(u)) differ"))
    (is_still || rate == 0) && return copy(w), copy(u)
    μ, η = T(momentum), T(rate)
    new_u = μ .* u .+ g
    return w .- η .* new_u, new_u
end

check_rate(name, rate::Real) =
    isfinite(rate) && rate >= 0 ||
    throw(KernelError("learning_rate", "$name must be a finite number of at least 0, not $rate"))

"Return the position (from 1) of a layer's name, or throw `unknown_layer`."
function position_of(layer_names, name::AbstractString)
    k = findfirst(==(name), layer_names)
    k === nothing &&
        throw(KernelError("unknown_layer", "no layer is called \"$name\": there are $(join(layer_names, ", "))"))
    return k
end

"Return the position (from 1) of a layer's place counted from 0; 0 for -1, which is no layer."
function place(layer_names, index::Integer)
    count = length(layer_names)
    -1 <= index < count ||
        throw(KernelError("index_range", "freeze_until=$index is not an index of $count layers: -1 freezes none"))
    return Int(index) + 1
end
