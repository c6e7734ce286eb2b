"""``python -m benchmarks.bench_networks``."""

from benchmarks.bench_networks import main

raise SystemExit(main())
