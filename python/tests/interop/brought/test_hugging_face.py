"""A folder as transformers writes it converts without a hub; what it lacks, and code that it brings, are refused."""

import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from spikeport.conversion import convert  # noqa: E402
from spikeport.errors import ConversionError, MissingExtra  # noqa: E402
from spikeport.interop import from_pretrained  # noqa: E402

IMAGES = np.random.default_rng(0).random((16, 3, 16, 16)).astype(np.float32)
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "layer_type": "basic"}
REGNET = {"embedding_size": 8, "hidden_sizes": [8], "depths": [1], "groups_width": 4}
NAMES = {"id2label": {0: "cat", 1: "dog", 2: "bird"}, "label2id": {"cat": 0, "dog": 1, "bird": 2}}


def saved(folder, kind="ResNet", head="ForImageClassification", **settings):
    """Save a classifier of transformers with random weights, and return its folder and itself."""
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**settings)
    model = getattr(transformers, f"{kind}{head}")(config).eval()
    model.save_pretrained(folder)
    return folder, model


@pytest.fixture
def resnet(tmp_path):
    return saved(tmp_path / "resnet", **RESNET, **NAMES)


def test_a_folder_gives_the_logits_of_its_model(resnet):
    folder, model = resnet
    x = torch.tensor(IMAGES)
    with torch.no_grad():
        assert torch.equal(from_pretrained(folder)(x), model(x).logits)


def test_a_folder_converts_with_the_names_of_its_classes(resnet):
    folder, _ = resnet
    snn = convert(folder, input_shape=(3, 16, 16))
    assert snn.classes == ["cat", "dog", "bird"]
    assert snn.certificate.details["origin"]["source"] == "transformers' ResNetForImageClassification"
    assert any(node.operation.kind == "add" for node in snn.graph)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (
            "RegNet",
            {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 4, "layer_type": "x"},
        ),
        ("MobileNetV1", {"image_size": 16, "depth_multiplier": 0.25}),
    ],
)
def test_other_networks_of_relu_convert(tmp_path, kind, settings):
    folder, _ = saved(tmp_path / kind, kind, **settings, num_labels=4)
    snn = convert(str(folder), input_shape=(3, 16, 16))
    assert snn.graph.n_outputs == 4


@pytest.mark.parametrize(
    ("kind", "settings", "words"),
    [
        (
            "RegNet",
            REGNET | {"layer_type": "y"},
            r"attention.*\(Sigmoid\).*train with ReLU",
        ),
        (
            "ViT",
            {
                "image_size": 16,
                "hidden_size": 8,
                "num_hidden_layers": 1,
                "num_attention_heads": 1,
                "intermediate_size": 8,
            },
            r"\(LayerNorm\).*batch normalisation",
        ),
    ],
)
def test_gates_and_attention_are_refused_by_name(tmp_path, kind, settings, words):
    folder, _ = saved(tmp_path / kind, kind, **settings)
    with pytest.raises(ConversionError, match=words):
        convert(folder, input_shape=(3, 16, 16))


def test_weights_that_the_file_lacks_are_not_made_up(resnet):
    from safetensors.torch import load_file, save_file

    folder, _ = resnet
    weights = load_file(folder / "model.safetensors")
    del weights["classifier.1.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ConversionError, match=r"lacks classifier\.1\.weight") as caught:
        from_pretrained(folder)
    assert caught.value.code == "model"


def change(folder, **entries):
    path = folder / "config.json"
    config = json.loads(path.read_text("utf-8")) | entries
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}), "utf-8")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ({"auto_map": {"AutoModelForImageClassification": "mine.Net"}}, "code of its own.*not run"),
        ({"architectures": ["ResNetModel"]}, "names ResNetModel: only image classifiers"),
        ({"architectures": None}, "names no architecture"),
        ({"architecture": "resnet18", "model_type": None}, r"timm\.create_model\('resnet18'"),
        ({"num_labels": 5, "id2label": None, "label2id": None}, r"has other shapes for classifier|cannot be read"),
        ({"model_type": "no such"}, "cannot be read"),
    ],
)
def test_a_config_that_does_not_fit_is_said(resnet, entries, words):
    folder, _ = resnet
    change(folder, **entries)
    with pytest.raises(ConversionError, match=words):
        convert(folder, input_shape=(3, 16, 16))


def test_pickles_and_folders_without_weights_are_not_read(resnet, tmp_path):
    folder, _ = resnet
    with pytest.raises(ConversionError, match=r"holds no config\.json"):
        from_pretrained(tmp_path)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ConversionError, match=r"pytorch_model\.bin is a pickle, which is not read"):
        from_pretrained(folder)
    (folder / "config.json").write_text("{", "utf-8")
    with pytest.raises(ConversionError, match=r"config\.json is no JSON"):
        from_pretrained(folder)


def test_without_transformers_the_extra_is_named(resnet, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "transformers", None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"pip install 'spikeport\[huggingface\]'"):
        from_pretrained(resnet[0])
