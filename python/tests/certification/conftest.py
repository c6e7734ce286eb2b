"""Small networks that several files judge."""

import numpy as np
import pytest

from spikeport.conversion import convert


@pytest.fixture(scope="session")
def digits_snn(torch, digits_mlp, digits):
    """The digits MLP, converted for 8 steps."""
    return convert(digits_mlp, torch.tensor(digits[0]), T=8, percentile=99.9)


@pytest.fixture(scope="session")
def residual(torch):
    """A small network of images with convolutions, a skip, an average and a max pool, and images for it."""
    nn = torch.nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
            self.third, self.head = nn.Conv2d(4, 6, 3), nn.Linear(6, 5)

        def forward(self, x):
            x = nn.functional.avg_pool2d(self.first(x).relu(), 2)
            x = (self.second(x) + x).relu()
            return self.head(nn.functional.max_pool2d(self.third(x).relu(), 2).flatten(1))

    torch.manual_seed(1)
    return Net().eval(), np.random.default_rng(2).random((24, 1, 8, 8)).astype(np.float32)


@pytest.fixture(scope="session")
def residual_snn(residual):
    model, images = residual
    return convert(model, images, T=6, percentile=99.9)
