"""Trained network -> spiking network: calibration, normalisation, QCFS.

The rate of an integrate-and-fire neuron with soft reset and ``v_init = 1/2`` is a quantised ReLU of its mean input, so
a ReLU network becomes a spiking one by choosing what a rate of 1 stands for in every layer. Diehl et al. 2015,
"Fast-classifying, high-accuracy spiking deep networks through weight and threshold balancing"; Rueckauer et al. 2017,
"Conversion of continuous-valued deep networks to efficient event-driven networks"; Bu et al. 2022, "Optimal ANN-SNN
conversion for high-accuracy and ultra-low-latency spiking neural networks".

- `convert`: a torch model and calibration data -> `ConvertedSNN`
- `ConvertedSNN`: run, classify, save, ``.graph``, ``.certificate``; `load` gives it back
- `QCFSActivation`, `replace_relu_with_qcfs`, `train_qcfs`: train a network to be converted at small T
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from spikeport.conversion.ann_to_snn import convert
from spikeport.conversion.cautions import (
    ConversionWarning,
    InputRangeWarning,
    InputStepWarning,
    SilentLayerWarning,
    UnsettledWarning,
)
from spikeport.conversion.converted import ConvertedSNN
from spikeport.conversion.saved import load
from spikeport.lazy import attributes_of, import_torch

if TYPE_CHECKING:
    from spikeport.conversion.qcfs import QCFSActivation, replace_relu_with_qcfs
    from spikeport.conversion.training.qcfs import train_qcfs

__all__ = [
    "ConversionWarning",
    "ConvertedSNN",
    "InputRangeWarning",
    "InputStepWarning",
    "QCFSActivation",
    "SilentLayerWarning",
    "UnsettledWarning",
    "convert",
    "load",
    "replace_relu_with_qcfs",
    "train_qcfs",
]


IN_TORCH = {
    "QCFSActivation": "spikeport.conversion.qcfs",
    "replace_relu_with_qcfs": "spikeport.conversion.qcfs",
    "train_qcfs": "spikeport.conversion.training.qcfs",
}
"""What is torch's: torch is imported when it is first asked for, not with this package."""

__getattr__ = attributes_of(__name__, IN_TORCH, import_torch)
