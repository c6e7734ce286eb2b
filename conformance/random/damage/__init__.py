"""Pairs of files made bad at random, once or several times."""

from conformance.random.damage.pair import damage, damaged

__all__ = ["damage", "damaged"]
