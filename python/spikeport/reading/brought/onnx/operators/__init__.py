"""The operators of ONNX that a spiking network can have: each makes of a node the module of torch that computes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from spikeport.reading.brought.onnx.call import Call
from spikeport.reading.brought.onnx.operators import arithmetic, pooling, shaping, weights

OPERATORS: Mapping[str, Callable[[Call], nn.Module]] = MappingProxyType(
    {
        "Gemm": weights.gemm,
        "MatMul": weights.matmul,
        "Conv": weights.conv,
        "BatchNormalization": weights.batch_normalization,
        "Scaler": weights.scaler,
        "Relu": arithmetic.relu,
        "Clip": arithmetic.clip,
        "Add": arithmetic.add,
        "Sum": arithmetic.add,
        "Sub": arithmetic.subtract,
        "Mul": arithmetic.multiply,
        "Div": arithmetic.divide,
        "Neg": arithmetic.negative,
        "Identity": arithmetic.same,
        "Dropout": arithmetic.dropout,
        "Cast": arithmetic.cast,
        "MaxPool": pooling.max_pool,
        "AveragePool": pooling.average_pool,
        "GlobalAveragePool": pooling.global_average_pool,
        "GlobalMaxPool": pooling.global_max_pool,
        "ReduceMean": pooling.reduce_mean,
        "ReduceSum": pooling.reduce_sum,
        "ReduceMax": pooling.reduce_max,
        "Reshape": shaping.reshape,
        "Flatten": shaping.flatten,
        "Transpose": shaping.transpose,
        "Squeeze": shaping.squeeze,
        "Unsqueeze": shaping.unsqueeze,
        "Pad": shaping.pad,
        "Concat": shaping.concat,
        "Slice": shaping.take_slice,
        "Split": shaping.split,
    }
)
"""By the operator's name."""
