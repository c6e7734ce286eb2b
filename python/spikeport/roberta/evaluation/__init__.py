"""What a spiking network does on a task: metrics, agreement with the quantised network, spikes and energy."""
