"""The checkpoints that vectors run and read, by name."""

from conformance.generate.networks.chains import NETWORKS as CHAINS
from conformance.generate.networks.graphs import GRAPHS as NODES
from conformance.generate.networks.paths import PATHS
from conformance.generate.networks.settling import SETTLING
from conformance.generate.networks.whole import WHOLE

GRAPHS = NODES | PATHS
NETWORKS = CHAINS | GRAPHS | SETTLING | WHOLE

__all__ = ["CHAINS", "GRAPHS", "NETWORKS", "SETTLING", "WHOLE"]
