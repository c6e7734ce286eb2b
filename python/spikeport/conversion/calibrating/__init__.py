"""What is fitted on the network as it spikes: biases, readout, and which thresholds."""
