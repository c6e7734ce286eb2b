"""The Mojo backend, for the tests that compare it: without it they are skipped, or fail where it is required."""

import os

import pytest

from spikeport.backends import BackendError, mojo_library
from spikeport.backends.mojo import Mojo

try:
    MOJO = Mojo(mojo_library.load_library())
except BackendError as error:
    if "mojo" in os.environ.get("SPIKEPORT_REQUIRE", ""):
        raise
    pytest.skip(str(error), allow_module_level=True)
