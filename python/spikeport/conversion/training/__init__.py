"""Training networks that are to be converted."""
