"""The proofs: what can arrive at a neuron, whether a sum depends on its order, and how far a current is shifted."""
