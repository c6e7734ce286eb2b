"""What runs in one process with what it times: kernels of every backend, the optimiser beside its peer."""
