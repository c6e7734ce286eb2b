"""The doctor: what is here, which backends give the reference's bits, what to install for the rest.

It changes nothing and asks no network. `spikeport.cli.doctor` prints what `examine` returns.
"""

from spikeport.doctor.examination import Examination, examine
from spikeport.doctor.trying import Outcome

__all__ = ["Examination", "Outcome", "examine"]
