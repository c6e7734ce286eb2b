"""The trained network beside the spiking one, layer by layer: what is lost where, and what of it arrives."""
