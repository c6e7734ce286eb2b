"""Seconds of kernels and networks beside peers, beside the trained network, and beside what C reaches on the same core.

A *job* is one thing to do; a *side* is a process that gets ready for a job and then does it once for every line that
it reads, printing ``seconds check``. All sides of a job are ready at the same time and take turns (`turns`), so that
they see the same machine. ``check`` is a number that depends on every spike: sides that owe the same spikes must print
the same.
"""
