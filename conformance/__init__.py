"""Conformance: one truth, four languages.

- `SPEC.md` is the contract, `vectors/` its cases, `schema/` their shape
- `generate/` makes the vectors from the reference and shows that each is exact
- `lines` turns cases into the runner protocol and back, `compare` holds a reply against a case
- `languages` builds and runs the runners of `languages.toml`, `in_process` calls the reference directly, and any other
  backend from `backend_runner`, in a process of its own
- `report` prints and writes the matrix, `mutations` proves that a planted bug turns a vector red
"""
