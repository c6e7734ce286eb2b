"""Real disks that take no more: a file that may not grow, and a file system that is full. The old checkpoint stays."""

import errno
import shutil
import subprocess
import sys

import numpy as np
import pytest

from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

pytest.importorskip("resource", reason="limits are those of Unix")

# Overwrites with room for ever more bytes, until one succeeds; says how many did not.
GROWING = """
import errno, resource, sys
from pathlib import Path
import numpy as np
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

path, backend = Path(sys.argv[1]), sys.argv[2]

def checkpoint(value):
    weights = [np.full((40, 30), value), np.full((20, 40), value)]
    return SNNCheckpoint(weights, ["a", "b"], [(30, 40), (40, 20)], metadata={"n": "n" * 3000})

save_checkpoint(checkpoint(0.25), path)
here, before = path.parent, sorted(file.name for file in path.parent.iterdir())
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
refused = 0
for limit in (0, 1, 100, 2000, 4096, 10_000, 15_000, 16_000, 20_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        save_checkpoint(checkpoint(0.75), path, backend=backend)
        break
    except OSError as error:
        assert error.errno == errno.EFBIG, error
        refused += 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert load_checkpoint(path).weights[0][0, 0] == 0.25
    assert sorted(file.name for file in here.iterdir()) == before
assert load_checkpoint(path).weights[0][0, 0] == 0.75
assert sorted(file.name for file in here.iterdir()) == before
print(refused)
"""


@pytest.mark.parametrize("backend", ["rust", "reference"])
@pytest.mark.parametrize("name", ["pair", "one.safetensors"])
def test_a_file_that_may_not_grow_leaves_the_old_checkpoint(tmp_path, name, backend):
    done = subprocess.run(
        [sys.executable, "-c", GROWING, str(tmp_path / name), backend], check=True, capture_output=True, text=True
    )
    assert int(done.stdout) >= 5


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB, which only who may mount has."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=False, capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def checkpoint(value):
    return SNNCheckpoint([np.full((70, 60), value)], ["a"], [(60, 70)])


@pytest.mark.parametrize("backend", ["rust", "reference"])
@pytest.mark.parametrize("name", ["pair", "one.safetensors"])
def test_a_full_or_read_only_file_system_leaves_the_old_checkpoint(small_disk, name, backend):
    """There is room for one archive of 33 kB and not for two; then for nothing at all."""
    path = small_disk / name
    save_checkpoint(checkpoint(0.25), path, backend=backend)
    before = sorted(file.name for file in small_disk.iterdir())
    for reason in (errno.ENOSPC, errno.EROFS):
        if reason == errno.EROFS:
            subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
        with pytest.raises(OSError) as caught:
            save_checkpoint(checkpoint(0.75), path, backend=backend)
        assert caught.value.errno == reason
        assert load_checkpoint(path).weights[0][0, 0] == 0.25
        assert sorted(file.name for file in small_disk.iterdir()) == before
