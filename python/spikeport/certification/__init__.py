"""What a converted network is worth: where it loses, and what each length of its run gives and costs.

- `certify`: the trained network beside the spiking one, layer by layer, on data that conversion never saw
- `sweep`: accuracy, agreement, logit error, work, modelled energy and early exit over the number of timesteps
- `Assumptions`: what the energies hang on, each to be replaced
"""

from spikeport.certification.energy.assumptions import Assumptions
from spikeport.certification.energy.crossover import LINES
from spikeport.certification.energy.model import Energy
from spikeport.certification.layers.against_trained import certify
from spikeport.certification.layers.findings import ChangedSample, LayerLoss
from spikeport.certification.layers.report import Certification
from spikeport.certification.lengths.early_exit import EarlyExit
from spikeport.certification.lengths.findings import LayerWork, SweepPoint
from spikeport.certification.lengths.over_timesteps import sweep
from spikeport.certification.lengths.report import Sweep

__all__ = [
    "LINES",
    "Assumptions",
    "Certification",
    "ChangedSample",
    "EarlyExit",
    "Energy",
    "LayerLoss",
    "LayerWork",
    "Sweep",
    "SweepPoint",
    "certify",
    "sweep",
]
