"""Files that other exporters wrote, of networks trained on digits, convert to the accuracy of their origin."""

import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from interop.brought.onnx_files import exported  # noqa: E402 (needs onnx)

from spikeport.conversion import convert  # noqa: E402
from spikeport.interop import from_onnx  # noqa: E402

nn = torch.nn
HERE = Path(__file__).parent
HOW = {"T": 32, "percentile": 99.9}


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.block1, self.block2 = Block(8, 8, 1), Block(8, 16, 2)
        self.head = nn.Linear(16, 10)

    def forward(self, x):
        x = self.block2(self.block1(torch.relu(self.stem(x))))
        return torch.log_softmax(self.head(x.mean((2, 3)).view(x.size(0), -1)), 1)


class Scores(Residual):
    """The same network without its last step, as convert asks of torch modules."""

    def forward(self, x):
        x = self.block2(self.block1(torch.relu(self.stem(x))))
        return self.head(x.mean((2, 3)))


@pytest.fixture(scope="module")
def images(digits):
    x_train, x_test, y_train, y_test = digits
    return x_train.reshape(-1, 1, 8, 8), x_test.reshape(-1, 1, 8, 8), y_train, y_test


@pytest.fixture(scope="module")
def residual(train, images):
    """A small residual network, trained on the digits."""
    x_train, _, y_train, _ = images
    return train(lambda: [Residual()], x_train, y_train, epochs=12)[0]


@pytest.fixture(scope="module")
def of_torch(residual, images):
    """The same without log_softmax, as convert takes torch modules, and what converting it gives."""
    scores = Scores().eval()
    scores.load_state_dict(residual.state_dict())
    return scores, convert(scores, images[0][:400], **HOW)


def accuracy(snn, x, y):
    return float((snn.classify(x, encoding="current") == y).mean())


@pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
@pytest.mark.parametrize("fixed", [False, True], ids=["any batch", "batch of 1"])
def test_a_residual_file_of_torch_is_the_network_that_torch_has(residual, of_torch, images, tmp_path, dynamo, fixed):
    if dynamo:
        pytest.importorskip("onnxscript")
    x_train, x_test, _, y_test = images
    sample = torch.tensor(x_train[: 1 if fixed else 2])
    path = exported(residual, tmp_path / "residual.onnx", sample, dynamo=dynamo, fixed=fixed)
    brought, (scores, own) = from_onnx(path), of_torch
    x = torch.tensor(x_test)
    with torch.no_grad():
        assert torch.allclose(brought(x), scores(x), atol=1e-4)
    files = convert(path, x_train[:400], **HOW)
    trained = float((scores(x).argmax(1).numpy() == y_test).mean())
    assert accuracy(files, x_test, y_test) == pytest.approx(accuracy(own, x_test, y_test), abs=0.01)
    assert accuracy(files, x_test, y_test) >= trained - 0.03 and trained > 0.9
    assert sum(node.operation.kind == "add" for node in files.graph) == 2
    (note,) = files.certificate.details["origin"]["notes"]
    assert note.startswith("LogSoftmax at the end was left off")


def test_a_perceptron_that_skl2onnx_wrote_answers_as_scikit_learn(digits, tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x_train, x_test, y_train, y_test = digits
    origin = make_pipeline(StandardScaler(), MLPClassifier((64,), max_iter=40, random_state=0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it may not have converged: what it learnt is what counts
        origin.fit(x_train, np.array([f"digit {y}" for y in y_train]))
        path = tmp_path / "perceptron.onnx"
        onnx.save(skl2onnx.to_onnx(origin, x_train[:1]), path)
    snn = convert(path, x_train, **HOW)
    assert snn.classes == list(origin.classes_)
    labels = np.array([f"digit {y}" for y in y_test])
    share = float((origin.classes_[snn.classify(x_test, encoding="current")] == labels).mean())
    assert share >= origin.score(x_test, labels) - 0.01 and origin.score(x_test, labels) > 0.9


def test_a_keras_network_that_tf2onnx_wrote_answers_as_keras(images):
    x_train, x_test, _, y_test = images
    keras = np.load(HERE / "keras_digits.npy")
    brought = from_onnx(HERE / "keras_digits.onnx")
    last = brought(torch.tensor(x_test.reshape(-1, 8, 8, 1)))
    assert np.allclose(torch.softmax(last, 1).detach().numpy(), keras, atol=1e-5)
    snn = convert(HERE / "keras_digits.onnx", x_train.reshape(-1, 8, 8, 1), **HOW)
    trained = float((keras.argmax(1) == y_test).mean())
    assert accuracy(snn, x_test.reshape(-1, 8, 8, 1), y_test) >= trained - 0.01 and trained > 0.95
