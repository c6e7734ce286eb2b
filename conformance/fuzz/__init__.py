"""Checkpoint files that nobody made, by the million: what is read from them, and by what code they are refused.

``engines`` builds and runs the targets of ``rust/fuzz``, guided by coverage; ``difference`` gives the same bytes to the
reference and to the codec in Rust; ``drawn`` damages good pairs as a seed says, ``guided`` as the reference's coverage
says (Atheris). ``python -m conformance.fuzz`` runs them and prints how many executions there were.
"""
