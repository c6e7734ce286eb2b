"""``python -m benchmarks.bench_integers``."""

from benchmarks.bench_integers import main

raise SystemExit(main())
