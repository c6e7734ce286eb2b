"""Run in the peers' environment: a peer's side of a job of `benchmarks.bench_speed`.

``timed WHO neurons T N`` and ``timed WHO network FOLDER NAME T SAMPLES``. Peers get the trained network with its
activations scaled to 1 and biases with them, so that a threshold of 1 and reset by subtraction is what `convert` makes
of it; each runs it in the way its documentation shows as the fast one. ReLU networks of onnxruntime are the trained
network itself.
"""

import copy
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.bench_conversion.networks import BUILD
from benchmarks.bench_speed.serving import serve
from benchmarks.peers.convert_networks import folded


def trained(folder, name):
    """Return the trained network and its calibration data."""
    arrays = np.load(Path(folder) / "trained.npz")
    model = BUILD[name]().eval()
    model.load_state_dict({key: torch.tensor(arrays[f"model/{key}"]) for key in model.state_dict()})
    return model, torch.tensor(arrays["calibration"])


def normalised(model, calibration):
    """Return the modules of a chain, batch normalisation folded, every ReLU's largest output scaled to 1."""
    found, scale, x = [], 1.0, calibration
    modules = [module for module in folded(copy.deepcopy(model)) if not isinstance(module, nn.Identity)]
    for place, module in enumerate(modules):
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            ends = place + 1 < len(modules)
            largest = float(torch.relu(module(x)).quantile(0.999)) if ends else 1.0
            new = copy.deepcopy(module)
            new.weight.data *= scale / largest
            new.bias.data /= largest
            scale = largest
            found.append(new)
        else:
            found.append(module)
        x = module(x)
    return found


def spikingjelly_neurons(x):
    from spikingjelly.activation_based import functional, neuron

    node = neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m").eval()

    def call():
        functional.reset_net(node)
        return node(x)

    return call


def spikingjelly(model, calibration, x, T):
    from spikingjelly.activation_based import ann2snn, functional, layer, neuron

    if isinstance(model, nn.Sequential):
        kinds = {nn.Linear: layer.Linear, nn.Conv2d: layer.Conv2d}
        modules = []
        for module in normalised(model, calibration):
            if isinstance(module, nn.ReLU):
                modules.append(neuron.IFNode(v_threshold=1.0, v_reset=None, step_mode="m"))
            elif isinstance(module, nn.AvgPool2d):
                modules.append(layer.AvgPool2d(module.kernel_size, step_mode="m"))
            elif isinstance(module, nn.Flatten):
                modules.append(layer.Flatten(step_mode="m"))
            else:
                module.__class__, module.step_mode = kinds[type(module)], "m"
                modules.append(module)
        snn = nn.Sequential(*modules).eval()

        def call():
            functional.reset_net(snn)
            return snn(x.expand(T, *x.shape)).mean(0)

        return call
    recipe = ann2snn.RateCodingRecipe([(calibration, None)], mode="99.9%")
    snn = ann2snn.Converter(recipe).convert(copy.deepcopy(model)).eval()

    def step_by_step():
        functional.reset_net(snn)
        total = 0
        for _ in range(T):
            total = total + snn(x)
        return total

    return step_by_step


def sinabs_neurons(x):
    from sinabs.activation import SingleSpike
    from sinabs.layers import IAF

    node, x = IAF(spike_threshold=1.0, spike_fn=SingleSpike).eval(), x[None]

    def call():
        node.reset_states()
        return node(x)

    return call


def sinabs(model, calibration, x, T):
    from sinabs.activation import SingleSpike
    from sinabs.from_torch import from_model
    from sinabs.layers import IAFSqueeze

    chain = nn.Sequential(*normalised(model, calibration))
    snn = from_model(chain, num_timesteps=T, spike_fn=SingleSpike).spiking_model.eval()
    states = [module for module in snn.modules() if isinstance(module, IAFSqueeze)]

    def call():
        for module in states:
            module.reset_states()
        return snn(x.repeat_interleave(T, dim=0)).reshape(len(x), T, -1).mean(1)

    return call


def snntorch_neuron():
    import snntorch

    return snntorch.Leaky(beta=1.0, threshold=1.0, reset_mechanism="subtract").eval()


def snntorch(model, calibration, x, T):
    modules = [snntorch_neuron() if isinstance(one, nn.ReLU) else one for one in normalised(model, calibration)]
    return stepped(modules, lambda node: node.reset_mem(), type(snntorch_neuron()), x, T)


def norse_neuron():
    import norse.torch as norse

    return norse.IAFCell(norse.IAFParameters(v_th=torch.tensor(1.0)))


def norse(model, calibration, x, T):
    modules = [norse_neuron() if isinstance(one, nn.ReLU) else one for one in normalised(model, calibration)]
    return stepped(modules, lambda _: None, type(norse_neuron()), x, T)


def over_steps(node, fresh, x):
    """Return a call that takes neurons through the steps of ``x``, (T, n), from the state ``fresh(node)``."""

    def call():
        state, spikes = fresh(node), []
        for current in x:
            s, state = node(current, state)
            spikes.append(s)
        return torch.stack(spikes)

    return call


def stepped(modules, fresh, kind, x, T):
    """Return a call that takes all modules through T steps, those of ``kind`` with a state of theirs."""

    def call():
        states = {place: fresh(one) for place, one in enumerate(modules) if isinstance(one, kind)}
        total = 0
        for _ in range(T):
            signal = x
            for place, one in enumerate(modules):
                if place in states:
                    signal, states[place] = one(signal, states[place])
                else:
                    signal = one(signal)
            total = total + signal
        return total

    return call


def sc_neurocore(model, calibration, x, T):
    from sc_neurocore.conversion import convert

    snn, x = convert(model, calibration, T=T), x.numpy()
    return lambda: snn.run(x)


def forward(model, _calibration, x, _T):
    return lambda: model(x)


def onnxruntime(model, calibration, x, _T, is_whole=False):
    import tempfile

    import onnxruntime as ort
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Samples(CalibrationDataReader):
        def __init__(self):
            self.left = iter(calibration.split(64))

        def get_next(self):
            some = next(self.left, None)
            return None if some is None else {"x": some.numpy()}

    with tempfile.TemporaryDirectory() as folder:
        file, smaller = f"{folder}/trained.onnx", f"{folder}/int8.onnx"
        torch.onnx.export(
            model, (x,), file, input_names=["x"], dynamic_axes={"x": {0: "n"}}, dynamo=False, opset_version=17
        )
        if is_whole:
            quantize_static(
                file, smaller, Samples(), QuantFormat.QDQ, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8
            )
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = ort.InferenceSession(smaller if is_whole else file, options, providers=["CPUExecutionProvider"])
    given = {"x": x.numpy()}
    return lambda: session.run(None, given)


NEURONS = {
    "SpikingJelly": spikingjelly_neurons,
    "sinabs": sinabs_neurons,
    "snnTorch": lambda x: over_steps(snntorch_neuron(), lambda node: node.reset_mem(), x),
    "Norse": lambda x: over_steps(norse_neuron(), lambda _: None, x),
}
NETWORKS = {
    "SpikingJelly": spikingjelly,
    "sinabs": sinabs,
    "snnTorch": snntorch,
    "Norse": norse,
    "sc-neurocore": sc_neurocore,
    "torch": forward,
    "onnxruntime": onnxruntime,
    "onnxruntime-int8": lambda *given: onnxruntime(*given, is_whole=True),
}


def main(who, job, *words):
    """Get ready and serve."""
    if job == "neurons":
        T, n = map(int, words)
        x = ((torch.arange(T * n) % 17 * 7) % 17 / 16).reshape(T, n)
        serve(NEURONS[who](x), lambda spikes: float(spikes.sum(dtype=torch.float64)))
    else:
        folder, name, T, samples = words[0], words[1], int(words[2]), int(words[3])
        model, calibration = trained(folder, name)
        x = torch.tensor(np.load(Path(folder) / "x.npy")[:samples])
        serve(NETWORKS[who](model, calibration, x, T))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with torch.no_grad():
        main(*sys.argv[1:])
