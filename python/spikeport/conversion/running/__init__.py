"""A converted network on samples: how it is run, what is read of it, and what that stands for."""
