"""Hostile checkpoints that a stranger can make and try: ``catalogue`` makes them, the command asks every language."""
