"""The models that people bring, and what becomes of each: the table in ``docs/reference/models.md``.

    python python/tests/reading/models.py > docs/reference/models.md

writes it anew.
"""

import re
import sys
import warnings
from collections import namedtuple
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import nets
import refused_nets as refused
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 (as everybody writes it)

from spikeport.conversion import QCFSActivation, convert
from spikeport.errors import ConversionError
from spikeport.reading.torch import unwrapped

IMAGE, LARGE, GREY, VECTOR = (3, 16, 16), (3, 32, 32), (1, 8, 8), (16,)

LINE = re.compile(r", \w+\.py:\d+")
"""The line of code in a refusal, which the page leaves out."""

Brought = namedtuple("Brought", "what build shape refused", defaults=(None,))
"""What it is, what builds it, the shape of a sample, and of a refusal the words that say what would serve."""


def mlp():
    return nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 4))


def wrapped(wrap):
    return lambda: wrap(refused.cnn(nn.BatchNorm2d(8), nn.ReLU()))


def hooked():
    model = refused.cnn(nn.ReLU())
    model[1].register_forward_hook(lambda module, inputs, output: None)
    return model


def normed():
    model = refused.cnn(nn.ReLU())
    torch.nn.utils.parametrizations.weight_norm(model[0])
    torch.nn.utils.parametrizations.spectral_norm(model[4])
    return model


def quantised():
    return torch.ao.quantization.quantize_dynamic(mlp(), {nn.Linear}, dtype=torch.qint8)


def scripted():
    return torch.jit.script(mlp())


def pre_activation():
    head = nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nets.PreActivation(4, 8), *head)


def before_padding():
    return nn.Sequential(nn.BatchNorm2d(3), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 4))


def regnet():
    return nets.resnet(nets.bottleneck(8, 16, 2, groups=2), nets.bottleneck(16, 16, 1, groups=4))


def unflattened():
    return nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4))


CONVERTED = [
    Brought("an MLP of modules", mlp, VECTOR),
    Brought("an MLP that flattens images itself", nets.FlatMlp, GREY),
    Brought("LeNet: max pools before ReLU, dropout as a function", nets.LeNet, (1, 16, 16)),
    Brought("VGG: batch normalisation, dropout, an adaptive pool larger than its input", nets.Vgg, IMAGE),
    Brought("AlexNet: pools whose windows overlap", nets.AlexNet, LARGE),
    Brought("CIFAR ResNet: shortcuts by slices and padding (option A)", nets.CifarResNet, IMAGE),
    Brought("ResNet-18: projections, one ReLU in place for all", lambda: nets.resnet(nets.basic(8, 16, 2)), LARGE),
    Brought("ResNet-50: bottlenecks", lambda: nets.resnet(nets.bottleneck(8, 16, 2)), LARGE),
    Brought("ResNeXt, RegNet: grouped bottlenecks", regnet, LARGE),
    Brought("Wide ResNet: normalisation before each convolution", pre_activation, IMAGE),
    Brought("DenseNet: concatenations that grow", nets.DenseNet, IMAGE),
    Brought("GoogLeNet: branches, an auxiliary head for training", nets.Inception, IMAGE),
    Brought("SqueezeNet: a convolution as classifier", nets.SqueezeNet, (3, 15, 15)),
    Brought("MobileNet v1: depthwise and pointwise convolutions", nets.mobilenet_v1, IMAGE),
    Brought("MobileNet v2: ReLU6, blocks without a last activation", nets.mobilenet_v2, IMAGE),
    Brought("MNASNet: the same with ReLU", lambda: nets.mobilenet_v2(nn.ReLU), IMAGE),
    Brought("ShuffleNet v2: halves and shuffled channels", nets.shufflenet, LARGE),
    Brought("a keyword network: convolutions over time", nets.KeywordNet, (1, 64)),
    Brought("a temporal network: dilated, causal convolutions", nets.Causal, (4, 12)),
    Brought("two branches and their concatenation", nets.TwoBranches, GREY),
    Brought("weights that are shared by two calls", nets.Shared, GREY),
    Brought("calls in place whose results nobody keeps", nets.InPlace, GREY),
    Brought("images prepared in forward, by constants", nets.Normalising, IMAGE),
    Brought("channels put last before flattening", nets.ChannelsLast, GREY),
    Brought("asymmetric padding, padding='same'", nets.Asymmetric, GREY),
    Brought("batch normalisation of the input, before a padded convolution", before_padding, IMAGE),
    Brought("a forward that asks for shapes, with optional arguments", nets.ByShape, IMAGE),
    Brought("a forward that asserts that it was given a tensor", nets.Asserting, IMAGE),
    Brought("weights held by the model itself, functions alone", nets.Functional, GREY),
    Brought("vectors that are taken for images", unflattened, VECTOR),
    Brought("QCFS activations", lambda: refused.cnn(nn.BatchNorm2d(8), QCFSActivation(8, theta=2.0)), IMAGE),
    Brought("Hardtanh(0, c), clamp(0, c)", lambda: refused.cnn(nn.Hardtanh(0, 0.5)), IMAGE),
    Brought("torch.nn.DataParallel", wrapped(nn.DataParallel), IMAGE),
    Brought("torch.compile", wrapped(torch.compile), IMAGE),
    Brought("a torch.fx GraphModule", wrapped(lambda m: torch.fx.symbolic_trace(m.eval())), IMAGE),
    Brought("half precision", wrapped(lambda m: m.to(torch.bfloat16)), IMAGE),
    Brought("double precision", wrapped(lambda m: m.double()), IMAGE),
    Brought("weight and spectral normalisation", normed, IMAGE),
    Brought("hooks that only look", hooked, IMAGE),
]

REFUSED = [
    Brought("a hook that changes the answer", refused.hooked, IMAGE, "hook"),
    Brought(
        "squeeze-and-excitation",
        lambda: refused.cnn(nn.ReLU(), refused.SqueezeExcite()),
        IMAGE,
        "multiplies two signals",
    ),
    Brought("EfficientNet: SiLU", lambda: refused.cnn(nn.SiLU()), IMAGE, "train with ReLU"),
    Brought("MobileNet v3: Hardswish", lambda: refused.cnn(nn.Hardswish()), IMAGE, "train with ReLU"),
    Brought("DarkNet: LeakyReLU", lambda: refused.cnn(nn.LeakyReLU(0.1)), IMAGE, "train with ReLU"),
    Brought("ConvNeXt: GELU", lambda: refused.Own(lambda m, x: m.n(F.gelu(x)), n=refused.cnn()), IMAGE, "gelu"),
    Brought("GroupNorm", lambda: refused.cnn(nn.GroupNorm(2, 8)), IMAGE, "normalises by the sample"),
    Brought("vision transformer", refused.Attention, IMAGE, "flatten the sample first"),
    Brought("LSTM", refused.lstm, (5, 8), "recurrence"),
    Brought(
        "U-Net: transposed convolutions",
        lambda: refused.cnn(nn.ReLU(), nn.ConvTranspose2d(8, 8, 2)),
        IMAGE,
        "transposed",
    ),
    Brought("upsampling", refused.upsampled, IMAGE, "no convolution reads"),
    Brought("reflecting padding", refused.reflecting, IMAGE, "pad with zeros"),
    Brought(
        "Conv3d",
        lambda: nn.Sequential(nn.Conv3d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 4)),
        (1, 4, 4, 4),
        "two axes",
    ),
    Brought("a text CNN: Embedding", refused.text_cnn, (6,), "what it gives"),
    Brought("maxout", refused.maxout, VECTOR, "larger of two"),
    Brought("log_softmax at the end", lambda: refused.cnn(nn.ReLU(), end=nn.LogSoftmax(1)), IMAGE, "leave it off"),
    Brought("Sigmoid at the end", lambda: refused.cnn(nn.ReLU(), end=nn.Sigmoid()), IMAGE, "leave it off"),
    Brought("a way that hangs on values", refused.ByValue, IMAGE, "hangs on the values"),
    Brought("two inputs", refused.TwoInputs, GREY, "image, mask"),
    Brought("two outputs", refused.two_outputs, IMAGE, "not one tensor"),
    Brought("F.dropout without training=", refused.forgotten_dropout, IMAGE, "self.training"),
    Brought(
        "batch normalisation without statistics",
        lambda: refused.cnn(nn.BatchNorm2d(8, track_running_stats=False)),
        IMAGE,
        "track_running_stats",
    ),
    Brought("a state dict", lambda: mlp().state_dict(), VECTOR, "load_state_dict"),
    Brought("torch.jit.script", scripted, VECTOR, "before torch.jit.script"),
    Brought("dynamic quantisation", quantised, VECTOR, "the float model itself"),
]


def settled(build, shape):
    """Return a model with settled statistics, in training mode as people forget it, and samples for it."""
    torch.manual_seed(0)
    model = build()
    dtype = (
        next((p.dtype for p in model.parameters()), torch.float32) if isinstance(model, nn.Module) else torch.float32
    )
    x = torch.rand(24, *shape).to(dtype)
    plain = isinstance(model, nn.Module) and not isinstance(model, torch.jit.ScriptModule)
    if plain and any(isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d) for m in model.modules()):
        with torch.no_grad():
            for module in model.modules():
                if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.track_running_stats:
                    module.weight.uniform_(0.5, 1.5)
                    module.bias.uniform_(-0.3, 0.5)
                    module.momentum = None
            unwrapped(model).train()(x)
    return model, x


def outcome(brought):
    """Return what becomes of a model: "converts", or the words of its refusal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model, x = settled(brought.build, brought.shape)
        try:
            convert(model, x, T=1)
        except ConversionError as error:
            return str(error)
    return "converts"


def table():
    """Return the page."""
    lines = [
        "# Models that people bring",
        "",
        "What `spikeport.conversion.convert` makes of each kind of model, or the words of a refusal. A test",
        "builds a small model of each kind, converts it and compares; this page is what it found, written by",
        "`python python/tests/reading/models.py > docs/reference/models.md`.",
        "",
        "| model | |",
        "|---|---|",
        *(f"| {brought.what} | {outcome(brought)} |" for brought in CONVERTED),
        "",
        "| model | is refused: |",
        "|---|---|",
        *(f"| {brought.what} | {LINE.sub('', outcome(brought))} |" for brought in REFUSED),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(table(), end="")
