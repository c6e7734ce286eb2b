"""Spiking kernels."""
