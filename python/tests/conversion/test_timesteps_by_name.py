"""T and timesteps: one name where it is taken, and an error that says which; warnings still point at the caller."""

import warnings

import numpy as np
import pytest

from spikeport import SNNGraph
from spikeport.conversion import ConvertedSNN, QCFSActivation, convert, replace_relu_with_qcfs
from spikeport.conversion.cautions import ConversionWarning, InputRangeWarning
from spikeport.snn_optimizer import SNNOptimizer, optimize, verify


@pytest.fixture
def snn():
    return ConvertedSNN([np.eye(2)], [None], [1.0], 4, input_range=(0.0, 1.0))


@pytest.fixture
def model(torch):
    return torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.ReLU())


CALLS = {
    "convert": lambda snn, model, x: convert(model, x, timesteps=8),
    "run": lambda snn, model, x: snn.run(x, timesteps=8),
    "classify": lambda snn, model, x: snn.classify(x, timesteps=8),
    "ConvertedSNN": lambda snn, model, x: ConvertedSNN(snn.weights, [None], [1.0], timesteps=8),
    "graph.run": lambda snn, model, x: SNNGraph(snn.graph).run(x, timesteps=8),
    "QCFSActivation": lambda snn, model, x: QCFSActivation(timesteps=8),
    "replace_relu_with_qcfs": lambda snn, model, x: replace_relu_with_qcfs(model, timesteps=8),
}


@pytest.mark.parametrize("name", CALLS)
def test_timesteps_where_it_is_called_t_names_the_right_one(snn, model, name):
    with pytest.raises(TypeError, match=r"'timesteps': the number of timesteps is called T here, T=8"):
        CALLS[name](snn, model, np.ones((3, 2)))


def test_t_where_it_is_called_timesteps_names_the_right_one(snn):
    for call in (lambda: optimize(snn, T=8), lambda: verify(snn.graph, snn.graph, np.ones((3, 2)), T=8)):
        with pytest.raises(TypeError, match=r"'T': the number of timesteps is called timesteps here, timesteps=8"):
            call()
    with pytest.raises(ValueError, match=r"SNNOptimizer takes .*timesteps.* not T"):
        SNNOptimizer(T=8)


def test_warnings_point_at_the_line_of_the_caller(snn, model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        snn.run(np.full((1, 2), 255.0), encoding="current")
        snn.classify(np.full((1, 2), 255.0), encoding="current")
        convert(model, np.ones((3, 2)))
    kinds = [warning.category for warning in caught]
    assert kinds[:2] == [InputRangeWarning] * 2 and ConversionWarning in kinds[2:]
    assert {warning.filename for warning in caught} == {__file__}
