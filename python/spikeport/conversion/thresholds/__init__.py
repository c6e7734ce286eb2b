"""Rules that choose θ, what a rate of 1 stands for, from what a layer puts out: one small file for each.

- `percentile`: of the positive activations, so that few are clipped
- `by_data`: the smallest error of rounding to N levels and clipping at θ
- `balanced`: local threshold balancing, batch by batch, on the clipped network
- `each_unit`: a share of the percentile of each neuron and each channel

`distribution` keeps what they look at, in memory that does not grow with the data; `rules` finds them by their names.
"""
