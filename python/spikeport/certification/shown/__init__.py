"""The reports as they are shown: on a terminal, and as pages."""
