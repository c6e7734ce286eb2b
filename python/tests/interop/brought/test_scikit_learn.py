"""scikit-learn's perceptrons and pipelines become the network that they are, or are refused by name."""

import warnings

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from sklearn.decomposition import PCA  # noqa: E402
from sklearn.ensemble import RandomForestClassifier  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from sklearn.neural_network import MLPClassifier, MLPRegressor  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import (  # noqa: E402
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

from spikeport.conversion import convert  # noqa: E402
from spikeport.errors import ConversionError  # noqa: E402
from spikeport.interop import from_sklearn  # noqa: E402

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 6)) * [1, 5, 0.1, 30, 1, 1] + [0, 3, 9, -20, 0, 0]
SCORE = (X - X.mean(0)) / X.std(0) @ RNG.normal(size=6)
HOW = {"T": 64, "percentile": 99.9}


def fitted(estimator, y, x=X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(x, y)


def perceptron(**settings):
    return MLPClassifier(hidden_layer_sizes=(16, 8), max_iter=150, random_state=0, **settings)


def logits(estimator, x=X):
    return from_sklearn(estimator)(torch.tensor(x)).detach().numpy()


BEFORE = {
    "nothing": [],
    "StandardScaler": [StandardScaler()],
    "StandardScaler without mean": [StandardScaler(with_mean=False)],
    "StandardScaler without scale": [StandardScaler(with_std=False)],
    "MinMaxScaler": [MinMaxScaler((-1, 2))],
    "MaxAbsScaler": [MaxAbsScaler()],
    "RobustScaler": [RobustScaler()],
    "PCA": [PCA(4)],
    "PCA, whitened": [StandardScaler(), PCA(5, whiten=True)],
    "three, and one that passes": [MinMaxScaler(), "passthrough", StandardScaler(), RobustScaler(with_centering=False)],
}


@pytest.mark.parametrize("before", BEFORE)
def test_scalers_go_into_the_first_layer_up_to_rounding(before):
    origin = fitted(make_pipeline(*BEFORE[before], perceptron()), np.digitize(SCORE, [-1, 1]))
    chances = torch.softmax(torch.tensor(logits(origin)), 1).numpy()
    assert np.abs(chances - origin.predict_proba(X)).max() < 1e-9


def test_a_classifier_gives_its_labels_and_their_names():
    origin = fitted(
        make_pipeline(StandardScaler(), perceptron()), np.array(["low", "mid", "high"])[np.digitize(SCORE, [-1, 1])]
    )
    snn = convert(origin, X, **HOW)
    assert snn.classes == ["high", "low", "mid"]  # as scikit-learn sorts them
    labels = origin.classes_[snn.classify(X, encoding="current")]
    assert (labels == origin.predict(X)).mean() >= 0.97
    assert snn.certificate.details["origin"]["notes"][0] == "StandardScaler went into the first layer"


def test_a_binary_classifier_is_answered_by_the_sign_of_one_output():
    origin = fitted(make_pipeline(StandardScaler(), perceptron()), np.where(SCORE > 0, "yes", "no"))
    snn = convert(origin, X, **HOW)
    assert snn.graph.n_outputs == 1 and snn.classes is True
    assert (origin.classes_[snn.classify(X, encoding="current")] == origin.predict(X)).mean() >= 0.97


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regressor_gives_values(outputs):
    y = np.stack([SCORE, -SCORE], 1)[:, :outputs].squeeze()
    origin = fitted(
        make_pipeline(StandardScaler(), MLPRegressor(hidden_layer_sizes=(16,), max_iter=300, random_state=0)), y
    )
    assert np.abs(logits(origin).squeeze() - origin.predict(X)).max() < 1e-9
    snn = convert(origin, X, **HOW)
    assert snn.classes is False
    found = snn.run(X, encoding="current", readout="membrane").squeeze()
    assert np.corrcoef(found.ravel(), origin.predict(X).ravel())[0, 1] > 0.99


def test_layers_with_nothing_between_them_are_one():
    origin = fitted(perceptron(activation="identity"), np.digitize(SCORE, [-1, 1]))
    network = from_sklearn(origin)
    assert len(network) == 1
    chances = torch.softmax(network(torch.tensor(X)), 1).detach().numpy()
    assert np.abs(chances - origin.predict_proba(X)).max() < 1e-9


def test_single_precision_stays_single():
    origin = fitted(perceptron(), np.digitize(SCORE, [-1, 1]), X.astype(np.float32))
    assert convert(origin).graph[0].weights.dtype == np.float32


def test_the_best_of_a_search_is_taken():
    search = GridSearchCV(perceptron(), {"alpha": [1e-4, 1e-2]}, cv=2)
    fitted(search, np.digitize(SCORE, [0]))
    assert np.array_equal(logits(search), logits(search.best_estimator_))


def test_a_certificate_is_measured_against_scikit_learn_itself():
    from spikeport.certification import certify

    origin = fitted(make_pipeline(StandardScaler(), perceptron()), np.digitize(SCORE, [-1, 1]))
    snn = convert(origin, X, **HOW)
    assert certify(origin, snn, X[:50], T=64).agreement >= 0.9


def several(x):
    return np.stack([SCORE > 0, SCORE < 1], 1).astype(int)


REFUSED = {
    "another activation": (
        lambda: fitted(perceptron(activation="tanh"), SCORE > 0),
        r"activation='tanh'.*activation='relu'",
    ),
    "several labels": (lambda: fitted(perceptron(), several(X)), "several labels.*one classifier for each label"),
    "no perceptron": (lambda: fitted(RandomForestClassifier(5), SCORE > 0), "RandomForestClassifier has no layers"),
    "not fitted": (lambda: perceptron(), "is not fitted: call fit"),
    "a step that is no product": (
        lambda: fitted(make_pipeline(PowerTransformer(), perceptron()), SCORE > 0),
        "PowerTransformer cannot be converted: StandardScaler",
    ),
    "a step that looks at a sample": (
        lambda: fitted(make_pipeline(Normalizer(), perceptron()), SCORE > 0),
        "Normalizer cannot be converted",
    ),
    "a scaler that clips": (
        lambda: fitted(make_pipeline(MinMaxScaler(clip=True), perceptron()), SCORE > 0),
        "fit it without clip",
    ),
    "a loss with an exponential": (
        lambda: fitted(MLPRegressor(hidden_layer_sizes=(4,), max_iter=20, loss="poisson"), np.abs(SCORE)),
        "loss='squared_error'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_spiking_form_is_refused_by_name(name):
    build, words = REFUSED[name]
    with pytest.raises(ConversionError, match=words):
        convert(build(), X)
