"""What the networks are made of: quantisers, neurons, linear layers, attention and what else acts on running totals."""
