"""torchvision's networks of ReLU convert as they are; those with gates and curves are refused by name."""

import itertools

import pytest

torch = pytest.importorskip("torch")
models = pytest.importorskip("torchvision.models")

from spikeport.conversion import convert  # noqa: E402
from spikeport.errors import ConversionError  # noqa: E402


def vgg(channels):
    """A VGG of few channels, its classifier as narrow."""
    model = models.VGG(models.vgg.make_layers(channels, batch_norm=True), num_classes=5, init_weights=False)
    widths = [channels[-2] * 49, 32, 32, 5]
    for place, (n, out) in zip((0, 3, 6), itertools.pairwise(widths), strict=True):
        model.classifier[place] = torch.nn.Linear(n, out)
    return model


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (lambda: models.resnet18(num_classes=5), 32),
        (lambda: models.mobilenet_v2(num_classes=5, width_mult=0.25), 32),
        (lambda: models.squeezenet1_1(num_classes=5), 64),
        (lambda: models.DenseNet(8, (2, 2), 8, num_classes=5), 32),
        (lambda: models.shufflenet_v2_x0_5(num_classes=5), 32),
        (lambda: vgg([8, "M", 16, "M"]), 28),
    ],
    ids=["resnet18", "mobilenet_v2", "squeezenet1_1", "densenet", "shufflenet_v2", "vgg"],
)
def test_a_network_of_relu_converts(build, size):
    torch.manual_seed(0)
    model = build().eval()
    snn = convert(model, input_shape=(3, size, size))  # which compares what was read with what the model computes
    assert snn.graph.n_outputs == 5


@pytest.mark.parametrize(
    ("build", "words"),
    [
        ("mobilenet_v3_small", r"\(Hardswish\).*train with ReLU"),
        ("efficientnet_b0", r"\(SiLU\).*train with ReLU"),
        ("regnet_y_400mf", r"se\.scale_activation \(Sigmoid\)"),
    ],
)
def test_gates_and_curves_are_refused_by_name(build, words):
    with pytest.raises(ConversionError, match=words) as caught:
        convert(getattr(models, build)(), input_shape=(3, 32, 32))
    assert caught.value.code == "unsupported_module"
