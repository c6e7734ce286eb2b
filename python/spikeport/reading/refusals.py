"""Why a module or a call is refused, and what would serve."""

from __future__ import annotations

from torch import nn

CONVERTIBLE = (
    "Linear, convolutions over one and two axes, batch normalisation, ReLU, ReLU6, QCFSActivation, average and max "
    "pools, additions, concatenations and what only rearranges are converted"
)
CURVED = "not every value it gives is a spike rate: train with ReLU or QCFSActivation in its place"
SHIFTED = "it is ReLU only with the threshold and the value 0: use nn.ReLU() in its place"
OTHER_SUM = (
    "only convolutions over one and two axes that make their input no larger are converted: one over three axes, or a "
    "transposed one, has no operation of a spiking network here"
)
OTHER_POOL = "average and max pools over one and two axes are converted: use one of them in its place"
NORMALISATION = (
    "it normalises by the sample at hand, which spikes cannot: train without it, or with batch normalisation"
)
BATCH_STATISTICS = (
    "it normalises by the batch at hand, as it has no running statistics or is called with training=True: train with "
    "track_running_stats=True, and call it with training=self.training"
)
PROBABILITIES = "leave it off: the class with the largest drive is the one it would make most likely"
SQUASHED = (
    "at the end of a model leave it off: it grows with its input, so the largest output stays the largest, and a "
    "single output is read by its sign"
)
ATTENTION = "attention and recurrence multiply signals with signals, which no layer of a spiking network here does"
GATE = (
    "it multiplies two signals, as gates, squeeze-and-excitation and attention do, and no layer of a spiking network "
    "here does that: train without it"
)
DROPS = (
    "it drops values in eval mode too: give it training=self.training, as F.dropout does not know by itself, or use "
    "nn.Dropout"
)
MORE_AXES = (
    "it is a Linear layer along the last axis of a signal of shape {shape}, and only one over a whole sample is "
    "converted: flatten the sample first, or write it as a convolution with a kernel of 1"
)
LARGEST = (
    "the larger of two signals is no layer of a spiking network; for ReLU use torch.relu, over pixels amax or a pool"
)
SCRIPTED = "convert the model before torch.jit.script or torch.jit.trace"

WAY_OUT = {
    **dict.fromkeys(["Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "SELU", "CELU", "Mish", "Softplus", "GLU"], CURVED),
    **dict.fromkeys(["LeakyReLU", "PReLU", "RReLU", "Hardswish", "Hardsigmoid", "LogSigmoid", "Softsign"], CURVED),
    "Threshold": SHIFTED,
    **dict.fromkeys(["_ConvTransposeNd", "Conv3d", "Fold", "Unfold", "_ConvNd"], OTHER_SUM),
    **dict.fromkeys(["_LPPoolNd", "_MaxUnpoolNd", "_AvgPoolNd", "_MaxPoolNd"], OTHER_POOL),
    **dict.fromkeys(["_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd", "FractionalMaxPool2d"], OTHER_POOL),
    **dict.fromkeys(["LayerNorm", "GroupNorm", "_InstanceNorm", "RMSNorm", "LocalResponseNorm"], NORMALISATION),
    **dict.fromkeys(["Softmax", "LogSoftmax", "Softmin", "Softmax2d"], PROBABILITIES),
    **dict.fromkeys(["RNNBase", "RNNCellBase", "MultiheadAttention", "Transformer", "Bilinear"], ATTENTION),
    **dict.fromkeys(["TransformerEncoderLayer", "TransformerEncoder", "TransformerDecoder"], ATTENTION),
    "LazyModuleMixin": "its width is not known yet: run the model once on a batch",
    "Embedding": "its input is a number of a word, not a current: convert the part behind it, on what it gives",
    "ScriptModule": SCRIPTED,
}

AT_THE_END = ("Tanh", "Sigmoid", "LogSigmoid", "Softsign", "Hardsigmoid", "Softplus")
"""Modules that only squash what the last Linear gives, one by one and without changing its order."""

FOLLOWED = frozenset(
    [
        "Sequential",
        "Linear",
        "Conv1d",
        "Conv2d",
        "BatchNorm1d",
        "BatchNorm2d",
        "SyncBatchNorm",
        "ReLU",
        "ReLU6",
        "Hardtanh",
        "Threshold",
        "Flatten",
        "Unflatten",
        "Identity",
        "Dropout",
        "Dropout1d",
        "Dropout2d",
        "AlphaDropout",
        "FeatureAlphaDropout",
        "MaxPool1d",
        "MaxPool2d",
        "AvgPool1d",
        "AvgPool2d",
        "AdaptiveAvgPool1d",
        "AdaptiveAvgPool2d",
        "AdaptiveMaxPool1d",
        "AdaptiveMaxPool2d",
        "ZeroPad1d",
        "ZeroPad2d",
        "ConstantPad1d",
        "ConstantPad2d",
        "ChannelShuffle",
        "PixelUnshuffle",
        "PixelShuffle",
        "Upsample",
        "UpsamplingNearest2d",
        "UpsamplingBilinear2d",
    ]
)
"""Modules of torch.nn whose forward is followed call by call."""


def is_followed(module: nn.Module) -> bool:
    """Whether a module runs the forward of a class of torch.nn that is followed, or code of its own."""
    runs = getattr(type(module), "forward", None)  # a scripted module's class has none
    if not str(getattr(runs, "__module__", "torch.")).startswith("torch."):
        return True
    kinds = [kind.__name__ for kind in type(module).__mro__]
    return "LazyModuleMixin" not in kinds and any(
        kind in FOLLOWED and getattr(nn, kind).forward is runs for kind in kinds
    )


FUNCTIONS = {
    **dict.fromkeys(["tanh", "sigmoid", "gelu", "silu", "elu", "selu", "celu", "mish", "softplus", "glu"], CURVED),
    **dict.fromkeys(["leaky_relu", "prelu", "rrelu", "hardswish", "hardsigmoid", "logsigmoid", "softsign"], CURVED),
    **dict.fromkeys(["exp", "log", "sqrt", "pow", "abs", "sin", "cos", "rsqrt", "sign", "round", "square"], CURVED),
    **dict.fromkeys(["softmax", "log_softmax", "softmin"], PROBABILITIES),
    **dict.fromkeys(
        ["layer_norm", "group_norm", "instance_norm", "rms_norm", "normalize", "std", "var"], NORMALISATION
    ),
    **dict.fromkeys(["scaled_dot_product_attention", "bmm", "multi_head_attention_forward"], ATTENTION),
    **dict.fromkeys(["conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "unfold"], OTHER_SUM),
    **dict.fromkeys(["lp_pool1d", "lp_pool2d", "max_pool3d", "avg_pool3d", "fractional_max_pool2d"], OTHER_POOL),
    "embedding": WAY_OUT["Embedding"],
    **dict.fromkeys(["maximum", "minimum", "max", "min"], LARGEST),
    "einsum": "write it as nn.Linear, or as x @ weight.t()",
    **dict.fromkeys(
        ["where", "gt", "lt", "ge", "le", "masked_fill", "heaviside"], "for ReLU use torch.relu, " + CURVED
    ),
    "argmax": "leave it off: classify takes the largest output by itself",
}

SQUASHING = ("tanh", "sigmoid", "logsigmoid", "softsign", "hardsigmoid", "softplus")


def module_reason(module: nn.Module, is_last: bool = False) -> str:
    """Return why a module is refused, and what would serve."""
    kinds = [kind.__name__ for kind in type(module).__mro__]
    if kinds[0] in AT_THE_END and is_last:
        return SQUASHED
    known = next((WAY_OUT[kind] for kind in kinds if kind in WAY_OUT), None)
    if known is not None:
        return known
    if type(module).__module__.startswith("torch.") and kinds[0] in FOLLOWED:
        origin = f"{type(module).__module__}.{type(module).__qualname__}"
        return f"it is a {origin}, whose forward is code of its own, not that of torch.nn; give the float model itself"
    return f"it has no spiking form here. {CONVERTIBLE}"


def function_reason(name: str, is_last: bool) -> str:
    """Return why the function ``name`` is refused, and what would serve."""
    if is_last and name in SQUASHING:
        return f"{name} {SQUASHED}"
    return f"{name}: {FUNCTIONS.get(name, f'it has no spiking form here. {CONVERTIBLE}')}"
