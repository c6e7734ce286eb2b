"""``python measured.py REPORT COMMAND…``: run a command, and write its seconds and its most memory in KiB."""

import resource
import subprocess
import sys
import time
from pathlib import Path

if __name__ == "__main__":
    started = time.perf_counter()
    status = subprocess.run(sys.argv[2:], check=False).returncode
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    Path(sys.argv[1]).write_text(f"{time.perf_counter() - started} {peak}", "utf-8")
    sys.exit(status)
