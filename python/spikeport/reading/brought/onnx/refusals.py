"""Why an operator of ONNX is refused, and what would serve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from spikeport.reading.refusals import ATTENTION, CURVED, NORMALISATION, OTHER_SUM, PROBABILITIES, SHIFTED

ENLARGES: Final = (
    "an image that is enlarged has no form here: use a convolution or a pool, or enlarge the samples yourself"
)
WAYS: Final = "which way it takes hangs on values, so there is no one network: export the way that is taken"
ROUNDED: Final = "it computes with rounded numbers: give the float model; arithmetic='int8' makes one of integers"
LEARNERS: Final = "it is no network of layers: of scikit-learn, MLPClassifier and MLPRegressor are"
TABLE: Final = (
    "it has no spiking form here. Gemm, MatMul, Conv, BatchNormalization, Relu, Clip from 0 on, pools, Add, Concat, "
    "and what only rearranges are converted"
)

REASONS: Final[Mapping[str, str]] = {
    **dict.fromkeys(["LeakyRelu", "PRelu", "Elu", "Selu", "Celu", "Gelu", "Mish", "Swish", "HardSwish"], CURVED),
    **dict.fromkeys(["HardSigmoid", "Softplus", "Softsign", "Sigmoid", "Tanh", "Erf", "Exp", "Log", "Sqrt"], CURVED),
    **dict.fromkeys(["Pow", "Abs", "Sin", "Cos", "Reciprocal", "Sign", "Round", "Floor", "Ceil", "Shrink"], CURVED),
    **dict.fromkeys(["Max", "Min", "Where", "Greater", "Less", "GreaterOrEqual", "LessOrEqual"], CURVED),
    **dict.fromkeys(["Softmax", "LogSoftmax"], "inside a network it is attention: " + ATTENTION),
    "ThresholdedRelu": SHIFTED,
    **dict.fromkeys(["LSTM", "GRU", "RNN", "Attention", "MultiHeadAttention", "Einsum"], ATTENTION),
    **dict.fromkeys(["LayerNormalization", "InstanceNormalization", "GroupNormalization", "LRN"], NORMALISATION),
    **dict.fromkeys(["RMSNormalization", "LpNormalization", "MeanVarianceNormalization"], NORMALISATION),
    "ConvTranspose": OTHER_SUM,
    **dict.fromkeys(["Resize", "Upsample", "DepthToSpace", "Expand", "Tile"], ENLARGES),
    **dict.fromkeys(["If", "Loop", "Scan"], WAYS),
    **dict.fromkeys(["QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear", "QLinearConv"], ROUNDED),
    **dict.fromkeys(["QLinearMatMul", "ConvInteger", "MatMulInteger"], ROUNDED),
    **dict.fromkeys(["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"], LEARNERS),
    **dict.fromkeys(["SVMClassifier", "SVMRegressor", "LinearClassifier", "LinearRegressor"], LEARNERS),
    **dict.fromkeys(["ArgMin", "TopK", "NonMaxSuppression"], PROBABILITIES),
}
"""By the operator's name."""


def reason(kind: str) -> str:
    """Return why an operator is refused, and what would serve."""
    return REASONS.get(kind, TABLE)
