"""Networks as NIR graphs (Pedersen et al. 2024, "Neuromorphic intermediate representation") and back."""

from spikeport.interop.nir.comparing import certificate_in, compared
from spikeport.interop.nir.files import load_nir, save_nir
from spikeport.interop.nir.reading import from_nir
from spikeport.interop.nir.walking import run_nir, signals_of
from spikeport.interop.nir.writing import to_nir

__all__ = ["certificate_in", "compared", "from_nir", "load_nir", "run_nir", "save_nir", "signals_of", "to_nir"]
