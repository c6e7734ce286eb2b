"""Reading other people's networks: what a trained model is made of, for every room that takes one.

`spikeport.reading.torch` reads PyTorch modules; it is imported where a model is at hand, never with this package.
"""
