"""The checkpoints that vectors run and read, by name."""

from conformance.generate.networks.chains import NETWORKS as CHAINS
from conformance.generate.networks.graphs import GRAPHS as NODES
from conformance.generate.networks.paths import PATHS
from conformance.generate.networks.settling import SETTLING

GRAPHS = NODES | PATHS
NETWORKS = CHAINS | GRAPHS | SETTLING

__all__ = ["CHAINS", "GRAPHS", "NETWORKS", "SETTLING"]
