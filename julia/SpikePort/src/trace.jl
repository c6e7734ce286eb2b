# What neurons and networks did.

"""
What one layer of neurons did.

- `spikes`: Int8 of size (neurons, …, steps): 0 to max_spikes, of `ST-BIF` -1, 0 or 1
- `membrane`: after the last step, size (neurons, …)
- `counts`: sum of the spikes over the steps, size (neurons, …)
"""
struct Trace{S<:AbstractArray,V<:AbstractArray,C<:AbstractArray}
    spikes::S
    membrane::V
    counts::C
end

"""
What a run of a network gave; each vector has one array for each node. Of a vector of n neurons the first size is (n,),
of an image (width, height, channels).

- `counts`: (…, batch), net spikes over the run; for `identity` nodes the sum of what they passed on
- `membrane`: (…, batch), after the last step (`ST-BIF` of floats: in units of the threshold; `identity`: 0)
- `drive`: (…, batch), what the output node received in all
- `timesteps`: number of steps
- `spikes`: (…, batch, steps), or nothing unless recorded
- `settled`: for each sample after how many steps nothing moved any more, -1 where that was not seen; nothing unless the
  encoding is "pulse"
"""
struct RunResult{T<:Element}
    counts::Vector{Array}
    membrane::Vector{Array{T}}
    drive::Array{T}
    timesteps::Int
    spikes::Union{Nothing,Vector{Array}}
    settled::Union{Nothing,Vector{Int}}
end
