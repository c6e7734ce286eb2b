"""ONNX files: a table of nodes that a spiking network can have, each as a module of torch.

What hangs on constants and shapes alone, onnx's own reference computes; the network as a whole is compared with it.
"""
