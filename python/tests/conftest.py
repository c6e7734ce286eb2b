"""Settings and trained networks that several rooms' tests share."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import numpy as np
import pytest

# No test is timed: a busy machine is not a bug. The same examples on every run.
hypothesis.settings.register_profile("house", deadline=None, derandomize=True)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def torch():
    """torch, on one thread: two threads on two busy cores can be far slower than one."""
    module = pytest.importorskip("torch")
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def digits():
    """The 8×8 digits that scikit-learn ships: x_train, x_test, y_train, y_test; values in [0, 1], float32."""
    datasets = pytest.importorskip("sklearn.datasets")
    from sklearn.model_selection import train_test_split

    bunch = datasets.load_digits()
    x = (bunch.data / 16.0).astype(np.float32)
    return train_test_split(x, bunch.target.astype(np.int64), test_size=0.2, random_state=7)


@pytest.fixture(scope="session")
def train(torch):
    """A function (layers, x, y, epochs=40, seed=3) that trains ``nn.Sequential(*layers())`` as a user would."""

    def run(layers, x, y, epochs=40, seed=3):
        torch.manual_seed(seed)
        model = torch.nn.Sequential(*layers())
        optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
        x, y = torch.tensor(x), torch.tensor(y)
        for _ in range(epochs):
            for rows in torch.randperm(len(x)).split(64):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
                optimiser.step()
        return model.eval()

    return run


@pytest.fixture(scope="session")
def digits_mlp(torch, train, digits):
    """A trained 64-256-256-10 ReLU network on the digits."""
    nn = torch.nn
    x, _, y, _ = digits
    return train(lambda: [nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)], x, y)
