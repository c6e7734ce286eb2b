"""Ctrl-C ends any kernel, whatever T, and a call that was cut into parts answers as one that was not."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from bits import same_bits

from spikeport.backends import available_backends, get_backend
from spikeport.neuron import Neuron

NETWORK = """
import numpy as np
from spikeport import LayerNode, SNNGraph
graph = SNNGraph([LayerNode("a", 16, 16, np.full((16, 16), 0.01), "IF"), LayerNode("b", 16, 4, np.ones((4, 16)), "IF")])
run = lambda: graph.run(np.full(({batch}, 16), 0.5), T=10**8, encoding={encoding!r}, backend="rust")
"""
NEURONS = """
import numpy as np
from spikeport.backends import get_backend
backend = get_backend({backend!r})
run = lambda: backend.if_constant(np.full(16, 0.25), timesteps=10**8)
"""
DRAWS = """
import numpy as np
from spikeport.backends import get_backend
backend = get_backend({backend!r})
run = lambda: backend.encode_poisson(np.full((1, 16), 0.25), timesteps=10**8)
"""
PROGRAMS = {
    "rust, constant current": NETWORK.format(batch=1, encoding="current"),
    "rust, Poisson, several threads": NETWORK.format(batch=64, encoding="poisson"),
    "rust, neurons": NEURONS.format(backend="rust"),
    "rust, draws": DRAWS.format(backend="rust"),
    "reference, neurons": NEURONS.format(backend="reference"),
    "reference, draws": DRAWS.format(backend="reference"),
    "mojo, neurons": NEURONS.format(backend="mojo"),
    "mojo, draws": DRAWS.format(backend="mojo"),
}
# Whoever started the tests in the background had SIGINT ignored, and children inherit that.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
# One after the other until the signal comes: the fastest kernel might be done with a single call before that.
LOOP = """
print("ready", flush=True)
try:
    while True:
        run()
except KeyboardInterrupt:
    print("stopped", flush=True)
"""


def needs(backend):
    reason = available_backends()[backend]
    if reason is not None and backend not in os.environ.get("SPIKEPORT_REQUIRE", "").split(","):
        pytest.skip(reason)


@pytest.mark.parametrize("what", PROGRAMS)
def test_ctrl_c_stops_a_kernel_at_any_number_of_steps(what):
    needs(what.split(",")[0])
    child = subprocess.Popen(
        [sys.executable, "-c", LISTEN + PROGRAMS[what] + LOOP],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"RAYON_NUM_THREADS": "2"},
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)  # hours, days or a year without the signal
    finally:
        child.kill()
    assert out == "stopped\n", err


def test_the_command_says_that_it_was_stopped(tmp_path):
    np.save(tmp_path / "x.npy", np.full((4, 2), 0.5))
    program = (
        "import numpy as np\nfrom spikeport import LayerNode, SNNGraph, cli\n"
        "from spikeport.transfer import SNNCheckpoint, save_checkpoint\n"
        "graph = SNNGraph([LayerNode('a', 2, 2, np.eye(2), 'IF')])\n"
        "save_checkpoint(SNNCheckpoint.from_graph(graph), 'net')\nprint('ready', flush=True)\n"
        "cli.main(['run', 'net', 'x.npy', '-T', '2000000000'])"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", LISTEN + program],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout.readline() == "ready\n"
        time.sleep(1.5)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=120)
    finally:
        child.kill()
    assert (child.returncode, out) == (130, "")
    assert "stopped by Ctrl-C" in err and "Traceback" not in err


@pytest.mark.parametrize("kind", ["IF", "LIF", "ST-BIF", "identity"])
def test_mojo_in_many_short_calls_answers_as_in_one(monkeypatch, kind):
    needs("mojo")
    from spikeport.backends import parts as division

    rng = np.random.default_rng(3)
    backend, x, W = get_backend("mojo"), rng.random((9, 3, 5)), rng.normal(0, 1, (4, 5))
    neuron = Neuron(kind, v_init=0.25, **({"beta": 0.9, "v_reset": -0.5} if kind == "LIF" else {}))
    whole = backend.layer_forward(x, W, None, neuron), backend.encode_poisson(x[0], timesteps=11, seed=4)
    monkeypatch.setattr(division, "OPERATIONS_AT_ONCE", 24)
    parts = backend.layer_forward(x, W, None, neuron), backend.encode_poisson(x[0], timesteps=11, seed=4)
    for one, other in zip((*whole[0], whole[1]), (*parts[0], parts[1]), strict=True):
        assert same_bits(one, other)
