"""Why a torch module is refused here, and what would serve."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

CONVERTIBLE = "Linear, ReLU, QCFSActivation, Flatten, Dropout, Identity and Sequential are converted"
CURVED = "not every value it gives is a spike rate: train with ReLU or QCFSActivation in its place"
CLAMPED = "clamped ReLUs are not converted yet: QCFSActivation(T, theta=the clamp) in its place is"
SHIFTED = "it is ReLU only with the threshold and the value 0: use nn.ReLU() in its place"
CONVOLUTION = "convolutions and pooling are not converted yet, only Linear layers are"
NORMALISATION = "it normalises by the sample at hand, which spikes cannot: train without it"
PROBABILITIES = "leave it off: the class with the largest drive is the one it would make most likely"
SQUASHED = (
    "at the end of a model leave it off: it grows with its input, so the largest output stays the largest, and a "
    "single output is read by its sign"
)
WRAPPER = "convert the model inside, model.module"

WAY_OUT = {
    **dict.fromkeys(["Tanh", "Sigmoid", "GELU", "SiLU", "ELU", "SELU", "CELU", "Mish", "Softplus"], CURVED),
    **dict.fromkeys(["LeakyReLU", "PReLU", "RReLU", "Hardswish", "Hardsigmoid", "LogSigmoid", "Softsign"], CURVED),
    **dict.fromkeys(["ReLU6", "Hardtanh"], CLAMPED),
    "Threshold": SHIFTED,
    **dict.fromkeys(["_ConvNd", "_AvgPoolNd", "_MaxPoolNd", "_LPPoolNd", "_MaxUnpoolNd", "Unflatten"], CONVOLUTION),
    **dict.fromkeys(["_AdaptiveAvgPoolNd", "_AdaptiveMaxPoolNd", "Upsample", "PixelShuffle"], CONVOLUTION),
    **dict.fromkeys(["LayerNorm", "GroupNorm", "_InstanceNorm", "RMSNorm"], NORMALISATION),
    **dict.fromkeys(["Softmax", "LogSoftmax", "Softmin"], PROBABILITIES),
    "LazyLinear": "its width is not known yet: run the model once on a batch",
    **dict.fromkeys(["DataParallel", "DistributedDataParallel"], WRAPPER),
    "OptimizedModule": "convert the model before torch.compile, or model._orig_mod",
    "ScriptModule": "convert the model before torch.jit.script or torch.jit.trace",
}

AT_THE_END = ("Tanh", "Sigmoid", "LogSigmoid", "Softsign", "Hardsigmoid", "Softplus")
"""Modules that only squash what the last Linear gives, one by one and without changing its order."""

KNOWN = ("Linear", "ReLU", "QCFSActivation", "Flatten", "Dropout", "AlphaDropout", "Identity", "Sequential")


def reason(path: str, module: nn.Module, leaves: Sequence[tuple[str, nn.Module]]) -> str:
    """Return why this module is refused here, and what would serve."""
    kinds = [kind.__name__ for kind in type(module).__mro__]
    if kinds[0] in AT_THE_END and module is leaves[-1][1]:
        return SQUASHED
    if "_BatchNorm" in kinds:
        return _norm_reason(path, leaves)
    known = next((WAY_OUT[kind] for kind in kinds if kind in WAY_OUT), None)
    if known is not None:
        return known
    if kinds[0] in KNOWN:
        origin = f"{type(module).__module__}.{type(module).__qualname__}"
        return f"it is a {origin}, whose forward is code of its own, not that of torch.nn; give the float model itself"
    return _own_code_reason(module)


def _own_code_reason(module: nn.Module) -> str:
    children = [(name, child) for name, child in module.named_children() if child is not None]
    if not children:
        return (
            f"its forward is code of its own. {CONVERTIBLE}; an activation that clamps is "
            "QCFSActivation(T, theta=the clamp)"
        )
    if len(children) == 1 and isinstance(children[0][1], nn.Sequential):
        name = children[0][0]
        return (
            f"its forward is code of its own. If that only prepares the input and runs {name}, convert model.{name}, "
            "and prepare the samples likewise"
        )
    return (
        "its forward is code of its own, which is not read yet. If it runs its modules one after the other, write it "
        "as nn.Sequential; additions beside the way (skips) cannot be written so, and are not converted yet. "
        f"{CONVERTIBLE}"
    )


def _norm_reason(path: str, leaves: Sequence[tuple[str, nn.Module]]) -> str:
    """Return where a batch normalisation can be folded: into the Linear right before it, or the next one after it."""
    passing = (nn.Identity, nn.Dropout, nn.Flatten)
    place = next(index for index, (name, _) in enumerate(leaves) if name == path)
    before = next((leaf for leaf in reversed(leaves[:place]) if not isinstance(leaf[1], passing)), None)
    after = next((leaf for leaf in leaves[place + 1 :] if not isinstance(leaf[1], passing)), None)
    if before is not None and isinstance(before[1], nn.Linear):
        return (
            f"it is not folded yet: torch.nn.utils.fusion.fuse_linear_bn_eval folds it into {before[0]} before it, "
            "once the model is in eval mode, model.eval()"
        )
    if after is not None and isinstance(after[1], nn.Linear):
        return (
            f"it is not folded yet. No Linear stands right before it, so it belongs into {after[0]} after it: with "
            "s = weight/sqrt(running_var + eps) of the normalisation, the weight of the Linear becomes weight*s, and "
            "its bias grows by weight @ (bias_of_norm - running_mean*s)"
        )
    return "it is not folded yet, and no Linear stands beside it: train without it"
