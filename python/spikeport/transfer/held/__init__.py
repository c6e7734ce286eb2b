"""The graph that a checkpoint holds, and its parts as lists: a chain of linear layers, or any other graph."""
