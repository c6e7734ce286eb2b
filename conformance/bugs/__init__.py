"""The bugs that are planted: each one is one expression of one function that stands for another."""

from conformance.bugs.bug import Bug
from conformance.bugs.files import FILES
from conformance.bugs.graphs import GRAPHS, OPERATIONS, RUNS
from conformance.bugs.integers import INTEGERS
from conformance.bugs.kernels import KERNELS, SEVERAL

__all__ = ["BUGS", "Bug"]

BUGS = (*KERNELS, *SEVERAL, *OPERATIONS, *GRAPHS, *RUNS, *FILES, *INTEGERS)
