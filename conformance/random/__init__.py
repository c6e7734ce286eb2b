"""Calls drawn at random: what no vector names, asked of the reference and of every language.

``values`` are the numbers, ``parameters`` those of neurons; a ``draw_…`` file makes calls of one family, ``damage``
pairs of files that must be refused; ``draw`` makes a case of a number, and ``stream`` runs them in blocks.
"""
