"""The two networks, quantised and spiking, and the way from one to the next: transform, calibration, conversion."""
