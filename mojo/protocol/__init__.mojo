"""The runner protocol of `conformance/SPEC.md`, section 6.

- `words`: arguments in, replies out
- `neurons`, `operations`, `files`, `tuning`: the kernels, family by family
- `bench`: the same kernels, timed
"""
