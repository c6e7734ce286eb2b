"""Cases of ``operation.currents``: each part of it, and all of a window at once."""
