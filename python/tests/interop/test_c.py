"""A network of integers in C: compiled with warnings as errors, it answers as the reference, and refuses the rest."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from interop.integer_graphs import integer_graph, integer_inputs

from spikeport import GraphError, KernelError, LayerNode, Neuron, SNNGraph
from spikeport.interop import to_c
from spikeport.operations import Add, Concat, Conv, Linear, MaxPool, SumPool

CC = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
T = 6
UNDEFINED = ("-fsanitize=undefined", "-fno-sanitize-recover=all")
pytestmark = pytest.mark.skipif(CC is None, reason="no C compiler here: neither cc nor gcc nor clang is on PATH")


@pytest.fixture
def compiled(tmp_path):
    """A function that compiles a source and returns one that runs it: (code, standard output, standard error)."""

    def build(source, *flags):
        source.save(tmp_path / "network.c")
        done = subprocess.run(
            [CC, *STRICT, *flags, "network.c", "-o", "network"], cwd=tmp_path, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")

        def run(*arguments, x=""):
            text = x if isinstance(x, str) else "\n".join(map(str, np.asarray(x).ravel().tolist()))
            ran = subprocess.run(
                [tmp_path / "network", *map(str, arguments)], input=text, capture_output=True, text=True
            )
            return ran.returncode, ran.stdout, ran.stderr

        return run

    return build


@pytest.fixture(scope="module")
def strictest(tmp_path_factory):
    """Flags that end a program whose behaviour is undefined, as by an overflow; none where the compiler has none."""
    folder = tmp_path_factory.mktemp("flags")
    (folder / "empty.c").write_text("int main(void) { return 0; }\n")
    done = subprocess.run([CC, *UNDEFINED, "empty.c", "-o", "empty"], cwd=folder, capture_output=True, check=False)
    return UNDEFINED if done.returncode == 0 else ()


def words(line):
    return {key: [int(n) for n in values.split(",")] for key, values in (word.split("=") for word in line.split())}


def assert_answers(run, graph, x, encoding, steps=T):
    """Fail unless the program's counts, membranes, drive and settling are the reference's, sample by sample."""
    expected = graph.run(x, T=steps, encoding=encoding, backend="reference")
    given = np.moveaxis(x, 0, 1) if encoding == "spikes" else x  # sample after sample
    code, out, err = run(encoding, steps, x=given)
    assert (code, err) == (0, "")
    lines = [words(line) for line in out.splitlines()]
    assert len(lines) == len(expected.drive)
    for index, line in enumerate(lines):
        for k, node in enumerate(graph):
            assert line[f"counts.{k}"] == expected.counts[k][index].ravel().tolist(), node
            if node.neuron.is_spiking:
                assert line[f"v.{k}"] == expected.membrane[k][index].ravel().tolist(), node
        assert line["drive"] == expected.drive[index].ravel().tolist()
        assert line.get("settled") == (None if expected.settled is None else [int(expected.settled[index])])


@pytest.mark.parametrize("seed", range(36))
def test_a_random_graph_answers_as_the_reference(compiled, strictest, seed):
    pulse = seed % 3 == 0
    graph = integer_graph(seed, pulse=pulse)
    run = compiled(to_c(graph, largest_input=9), *strictest)
    for encoding in ("current", "spikes", "pulse"):
        x = integer_inputs(graph, seed, timesteps=T if encoding == "spikes" else None)
        assert_answers(run, graph, x, encoding, 50 if encoding == "pulse" else T)


def every_operation(dtype=np.int8):
    """All operations and neurons, each with some parameter of its own, in one network."""
    rng = np.random.default_rng(1)

    def weight(*shape):
        return rng.integers(-5, 6, shape).astype(dtype)

    bias = rng.integers(-9, 10, 6).astype(np.int32)
    each = np.array([4.0, 6, 8, 10, 12, 14])
    return SNNGraph(
        [
            LayerNode.of(
                "conv", Conv(weight(6, 4, 3, 2), bias, 1, (1, 0), (1, 2)), Neuron("IF", each, 0.5, max_spikes=3)
            ),
            LayerNode.of(
                "grouped", Conv(weight(6, 2, 2, 2), None, (2, 1), groups=3), Neuron("IF", each, 0.5, each / 2 - 9)
            ),
            LayerNode.of("sum", SumPool((2, 2), 1, 1), Neuron("ST-BIF", each, 0.5, tracer_min=-4), ["grouped"]),
            LayerNode.of("depthwise", Conv(weight(6, 1, 1, 1), groups=6), inputs=["conv"]),
            LayerNode.of("max", MaxPool((2, 2), 2), inputs=["depthwise"]),
            LayerNode.of("most", MaxPool(3, 1, 1), Neuron("IF", 5.0, v_reset=-2.0), ["max"]),
            LayerNode.of("twice", Add(), Neuron("IF", each), ["most", "max", "most"]),
            LayerNode.of("all", Concat(), Neuron("ST-BIF", 3.0, tracer_min=-1), ["twice", "most"]),
            LayerNode.of("line", Linear(weight(5, 12 * 4 * 2), bias[:5]), Neuron("IF", [2.0, 3, 4, 5, 6])),
            LayerNode.of("other", Linear(weight(5, 6 * 5 * 5)), inputs=["sum"]),
            LayerNode.of("out", Add(), inputs=["line", "other"]),
        ],
        (4, 8, 7),
    )


@pytest.mark.parametrize("dtype", [np.int8, np.int16])
def test_every_operation_and_every_neuron_answers_as_the_reference(compiled, dtype):
    graph = every_operation(dtype)
    run = compiled(to_c(graph, largest_input=3), "-O2")
    rng = np.random.default_rng(2)
    for encoding in ("current", "spikes", "pulse"):
        x = rng.integers(-3, 4, (*((T,) if encoding == "spikes" else ()), 3, 4, 8, 7)).astype(np.int32)
        assert_answers(run, graph, x, encoding)
    counts = graph.run(x, T=T, backend="reference").counts
    assert all(np.any(count) for count in counts)


def test_bounds_are_stated_and_what_passes_them_is_refused(compiled):
    """At T_MAX the membrane comes as near to 2^31 - 1 as it can; one step more is refused by the reference as well."""
    graph = SNNGraph([LayerNode.of("a", Linear(np.array([[100, -100]], np.int8)), Neuron("IF", 2.0**30, 0.5))], (2,))
    source = to_c(graph, largest_input=50_000)
    steps = (2**31 - 1 - 2**30) // 10_000_000
    assert (source.T_max, source.X_max) == (steps, 50_000)
    assert f"#define T_MAX {steps}\n" in source.text
    run = compiled(source)
    x = np.array([[50_000, -50_000], [-50_000, 50_000]])
    assert_answers(run, graph, x, "current", steps)
    assert run("current", steps + 1, x=x)[::2] == (2, "error: T is above T_MAX: a number could pass 32 bits\n")
    with pytest.raises(KernelError, match="could reach"):
        graph.run(x, T=steps + 1, backend="reference")
    assert run("current", 1, x="50001 0")[::2] == (2, "error: an input is above X_MAX, for which T_MAX is meant\n")


@pytest.mark.parametrize(
    ("arguments", "x", "said"),
    [
        (("current", "1"), "1 2 3", "ends within a sample"),
        (("spikes", "2"), "1 2", "ends within a sample"),
        (("current", "1"), "", "no sample"),
        (("current", "1"), "1 x", "no whole number"),
        (("current", "1"), "1 2.5", "no whole number"),
        (("current", "1"), "1 -", "no whole number"),
        (("current", "1"), "1 99999999999999999999", "above X_MAX"),
        (("current", "-1"), "1 2", "T is no whole number"),
        (("current", "99999999999999999999"), "1 2", "above T_MAX"),
        (("current", ""), "1 2", "T is no whole number"),
        (("poisson", "1"), "1 2", "current, spikes or pulse"),
        (("spikes", "0"), "1 2", "at least 1"),
        ((), "", "give how inputs are fed"),
    ],
)
def test_what_the_program_cannot_take_is_refused(compiled, arguments, x, said):
    run = compiled(to_c(SNNGraph([LayerNode.of("a", Linear(np.ones((1, 2), np.int8)), Neuron("IF"))])))
    code, _, err = run(*arguments, x=x)
    assert code == 2 and said in err


def test_no_step_at_all_leaves_the_start(compiled):
    graph = every_operation()
    assert_answers(compiled(to_c(graph, largest_input=3)), graph, np.ones((2, 4, 8, 7), np.int32), "current", 0)


def test_a_file_may_keep_a_sample_and_knows_its_drive(compiled):
    graph = every_operation()
    x = np.random.default_rng(3).integers(-3, 4, (4, 8, 7))
    for encoding in ("current", "pulse"):
        source = to_c(graph, largest_input=3, sample=x, T=5, encoding=encoding)
        code, out, err = compiled(source)()
        expected = graph.run(x[None], T=5, encoding=encoding, backend="reference").drive
        assert (code, err, words(out)["drive"]) == (0, "", expected.ravel().tolist())
    wrong = re.sub(r"(kept_drive\[5\] = \{)(-?\d+)", lambda found: f"{found[1]}{int(found[2]) + 1}", source.text)
    assert wrong != source.text
    code, _, err = compiled(
        type(source)(wrong, *[getattr(source, name) for name in ("X_max", "T_max", "constant_bytes", "state_bytes")])
    )()
    assert code == 2 and "another drive" in err


DEVICE = r"""
#include <stdint.h>
#include <stdio.h>
void network_begin(void);
int network_step(const int32_t *input, int biased);
const int32_t *network_drive(void);
int main(void)
{
    const int32_t x[2] = {3, 4};
    network_begin();
    for (int t = 0; t < 5; t++) {
        network_step(x, 1);
    }
    printf("%ld\n", (long)network_drive()[0]);
    return 0;
}
"""


def test_a_device_calls_three_functions(compiled, tmp_path):
    graph = SNNGraph([LayerNode.of("a", Linear(np.array([[5, -2]], np.int8), np.array([1], np.int32)), Neuron("IF"))])
    (tmp_path / "device.c").write_text(DEVICE)
    run = compiled(to_c(graph), "-DNETWORK_ALONE", "-Wmissing-prototypes", "-Wconversion", "-Wshadow", "device.c")
    assert run() == (0, f"{5 * (5 * 3 - 2 * 4 + 1)}\n", "")


def test_a_network_alone_needs_nothing_of_the_standard_library(compiled, tmp_path):
    compiled(to_c(every_operation()), "-DNETWORK_ALONE", "-c", "-ffreestanding")
    assert "main" not in subprocess.run(["nm", "network"], cwd=tmp_path, capture_output=True, text=True).stdout


def test_a_name_cannot_end_the_comment(compiled):
    graph = SNNGraph([LayerNode.of("*/ int main; /* \\ ??/ é\n", Linear(np.ones((1, 2), np.int8)), Neuron("IF"))])
    run = compiled(to_c(graph, name="*/ #error \n"))
    assert_answers(run, graph, np.ones((1, 2), np.int32), "current")


def test_what_is_no_network_of_integers_is_refused():
    floats = SNNGraph([LayerNode("a", 2, 1, np.ones((1, 2)), "IF")])
    whole = SNNGraph([LayerNode.of("a", Linear(np.full((1, 2), 127, np.int8)), Neuron("IF"))])
    for graph, how, code in (
        (floats, {}, "dtype"),
        (whole, {"largest_input": 2.5}, "largest_input"),
        (whole, {"largest_input": -1}, "largest_input"),
        (whole, {"largest_input": 2**31 - 1}, "overflow"),
        (whole, {"sample": [0.5, 1.0]}, "not_whole"),
        (whole, {"sample": [1, 2, 3]}, "shape"),
        (whole, {"sample": [[1, 2], [3, 4]]}, "shape"),
        (whole, {"sample": [1, 2], "T": -1}, "timesteps"),
        (whole, {"sample": [256, 0]}, "overflow"),
        (whole, {"sample": [1, 1], "encoding": "poisson"}, "encoding"),
    ):
        with pytest.raises((GraphError, KernelError)) as refused:
            to_c(graph, **how)
        assert refused.value.code == code, how


@pytest.fixture(scope="module")
def digits_graph(digits_mlp, digits):
    """The 64-256-256-10 network for digits in whole numbers of 8 bits, each neuron with a threshold of its own."""
    signal, layers = np.rint(16 * digits[0][:200]).astype(np.int64), []
    modules = [module for module in digits_mlp if hasattr(module, "weight")]
    for k, module in enumerate(modules):
        weight = module.weight.detach().numpy()
        W = np.rint(127 * weight / np.abs(weight).max()).astype(np.int8)
        bias = np.rint(127 * module.bias.detach().numpy() / np.abs(weight).max()).astype(np.int32)
        half = np.maximum(1, np.abs(signal @ W.T.astype(np.int64) + bias).mean(axis=0)).astype(np.int64)
        last = k == len(modules) - 1
        layers.append(
            LayerNode.of(str(k), Linear(W, bias), Neuron("identity") if last else Neuron("IF", 2.0 * half, 0.5))
        )
        signal = (signal @ W.T.astype(np.int64) + bias > half).astype(np.int64)
    return SNNGraph(layers)


def test_the_digits_network_takes_less_than_100_kilobytes(compiled, digits_graph, digits):
    source = to_c(digits_graph, largest_input=16)
    run = compiled(source, "-O2")
    code, out, _ = run("about")
    about = {key: int(value) for key, value in (word.split("=") for word in out.split())}
    assert (code, about["t_max"], about["x_max"]) == (0, source.T_max, 16)
    assert (about["constant_bytes"], about["state_bytes"]) == (source.constant_bytes, source.state_bytes)
    assert 64 * 256 + 256 * 256 + 256 * 10 < about["constant_bytes"] + about["state_bytes"] < 100_000
    x = np.rint(16 * digits[1][:8]).astype(np.int32)
    assert_answers(run, digits_graph, x, "current", 16)


def test_the_command_writes_a_checkpoint_as_c(compiled, tmp_path, monkeypatch, capsys):
    from spikeport import cli
    from spikeport.transfer import SNNCheckpoint, save_checkpoint

    def spikeport(line):
        with pytest.raises(SystemExit) as left:
            cli.main(line.split())
        return left.value.code or 0, *capsys.readouterr()

    monkeypatch.chdir(tmp_path)
    graph = every_operation()
    save_checkpoint(SNNCheckpoint.from_graph(graph), "net")
    x = np.random.default_rng(4).integers(-3, 4, (3, 4, 8, 7))
    np.save("x.npy", x)
    code, out, _ = spikeport("export c net net.c --largest-input 3 --sample x.npy -T 5 --json")
    said = json.loads(out)
    source = to_c(graph, largest_input=3, name="net", sample=x[0], T=5)
    assert (code, (tmp_path / "net.c").read_text("ascii")) == (0, source.text)
    assert said == {"file": "net.c", "X_max": 3, "T_max": source.T_max} | {
        name: getattr(source, name) for name in ("constant_bytes", "state_bytes")
    }
    assert compiled(source)()[0] == 0
    code, _, err = spikeport("export c net net.c")
    assert code == 2 and "--force" in err
    code, out, _ = spikeport("export c net net.c --force")
    assert code == 0 and "at most 255" in out and "KEPT_T 5" not in (tmp_path / "net.c").read_text("ascii")
    assert spikeport("export c net other.c -T 5")[0] == spikeport("export c net other.c --sample x.npy")[0] == 2
    made = SNNCheckpoint.from_graph(graph)
    made.metadata = {"integers": {"input": {"step": 0.25, "largest": 3}}, "T": 5, "encoding": "pulse"}
    save_checkpoint(made, "made")
    np.save("real.npy", x / 4 + 0.05)
    assert spikeport("export c made made.c --sample real.npy")[0] == 0
    source = to_c(graph, largest_input=3, name="made", sample=x[0], T=5, encoding="pulse", input_step=0.25)
    assert (tmp_path / "made.c").read_text("ascii") == source.text
    assert "An input of 1 stands for 0.25" in source.text and compiled(source)()[0] == 0
    given = {"step": [0.25, 0.25, 0.25, 0.5], "offset": [0.0, 0.125, 0.0, 0.0], "largest": 3}
    made.metadata = {"integers": {"input": given}, "T": 5}
    save_checkpoint(made, "moved")
    np.save(
        "moved.npy", x * np.array([0.25, 0.25, 0.25, 0.5])[:, None, None] + np.array([0, 0.125, 0, 0])[:, None, None]
    )
    assert spikeport("export c moved moved.c --sample moved.npy")[0] == 0
    text = (tmp_path / "moved.c").read_text("ascii")
    assert "(x - offset) / step" in text and "0.125" in text
    kept = to_c(
        graph, largest_input=3, name="moved", sample=x[0], T=5, input_step=given["step"], input_offset=given["offset"]
    )
    assert text == kept.text
    made.metadata = {"integers": {"input": {"step": "wide"}}, "T": 5}
    save_checkpoint(made, "damaged")
    assert spikeport("export c damaged damaged.c")[0] == 2 and not (tmp_path / "damaged.c").exists()
    save_checkpoint(SNNCheckpoint.from_graph(SNNGraph([LayerNode("a", 2, 1, np.ones((1, 2)), "IF")])), "floats")
    code, _, err = spikeport("export c floats other.c")
    assert code == 2 and "quantise" in err and not (tmp_path / "other.c").exists()
