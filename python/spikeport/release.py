"""Which spikeport this is; the crate and the change log say the same."""

__version__ = "0.1.0"
