"""A spiking network of integers as C99: static arrays, integers alone, loops as the contract's equations."""
