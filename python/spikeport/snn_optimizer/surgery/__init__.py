"""The surgery: how a graph is taken apart and put together, without touching the graph that was given."""
