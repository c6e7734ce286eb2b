"""The sidecar: what `<name>.json` says of the archive beside it.

- `sidecar`: what both versions say, read and written
- `version_1`: a chain of linear layers; `version_2`: nodes of any kind
- `nodes`: what is said of a node; `graph`: whether nodes fit each other
- `fields`: single values of a JSON object
"""
from .fields import demand
from .graph import is_chain, read_shapes
from .nodes import StoredNode
from .sidecar import LARGEST_SIDECAR, Sidecar, read_sidecar, write_sidecar
from .version_1 import LayerSize, chain_nodes
