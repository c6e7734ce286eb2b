# What neurons and networks did.

"""
What one layer of neurons did.

- `spikes`: Int8 of size (neurons, …, steps): -1, 0 or 1
- `membrane`: after the last step, size (neurons, …)
- `counts`: sum of the spikes over the steps, size (neurons, …)
"""
struct Trace{S<:AbstractArray,V<:AbstractArray,C<:AbstractArray}
    spikes::S
    membrane::V
    counts::C
end

"""
What a run of a network gave; each vector has one array for each layer.

- `counts`: (n, batch), net spikes over the run; for `identity` layers the sum of what they passed on
- `membrane`: (n, batch), after the last step (`ST-BIF`: in units of the threshold; `identity`: 0)
- `drive`: (n_out, batch), what the output layer received in all
- `timesteps`: number of steps
- `spikes`: (n, batch, steps), or nothing unless recorded
"""
struct RunResult{T<:Float}
    counts::Vector{Matrix}
    membrane::Vector{Matrix{T}}
    drive::Matrix{T}
    timesteps::Int
    spikes::Union{Nothing,Vector{Array}}
end
