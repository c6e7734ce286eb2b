"""`tell`: every step, each by the public function that a user would call."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikeport.certification import certify
from spikeport.conversion import ConvertedSNN, convert
from spikeport.demo.full.exported import as_c, as_nir
from spikeport.demo.full.images import load_images
from spikeport.demo.full.languages import heard
from spikeport.demo.full.page import certificate, write_page
from spikeport.demo.full.story import OnStep, Story
from spikeport.demo.full.trained import answers, trained_cnn
from spikeport.errors import MissingExtra
from spikeport.graph import SNNGraph
from spikeport.integers import quantize
from spikeport.profiling import SpikeProfiler
from spikeport.report.network import network
from spikeport.report.page import Html, table
from spikeport.snn_optimizer import optimize
from spikeport.transfer import SNNCheckpoint, TransferConfig, finetune, save_checkpoint

if TYPE_CHECKING:
    from torch import nn

    from spikeport.integers import IntegerNetwork

TIMESTEPS = 16
CALIBRATED, JUDGED, SHOWN, LEARNT = 1000, 500, 8, 512
MANY = 5000
"""From so many images on, few passes over them are enough."""


def tell(folder: Path, on_step: OnStep = lambda step, done, of: None, *, train: int = 12000, test: int = 2000) -> Story:
    """Run every step in ``folder``, write ``story.html`` there and return the story.

    ``train`` and ``test`` are the most images to learn from and to judge by; ``on_step(step, done, of)`` is called as
    each step begins and ends. Raises `RuntimeError` where a C compiler refuses the
    file, and `spikeport.errors.MissingExtra` without torch, matplotlib, nir or scikit-learn, before any work.
    """
    _check_extras()
    folder.mkdir(parents=True, exist_ok=True)
    story = Story(folder, load_images(train, test), on_step)
    model = _train(story)
    snn = _convert(story, model)
    _certify(story, model, snn)
    smaller = _optimise(story, snn.graph)
    whole = _quantise(story, smaller)
    _run_everywhere(story, smaller, whole)
    _export(story, smaller, whole)
    _train_on(story, smaller, snn)
    write_page(story)
    return story


def _check_extras() -> None:
    packages = {"torch": "torch", "matplotlib": "matplotlib", "nir": "nir", "sklearn": "scikit-learn"}
    absent = [package for name, package in packages.items() if importlib.util.find_spec(name) is None]
    if absent:
        raise MissingExtra(", ".join(absent), "dev", "the whole demonstration")


def _train(story: Story) -> nn.Module:
    x, x_test = story.images.x_train, story.images.x_test
    with story.chapter("Train") as chapter:
        model = trained_cnn(story.images, 3 if len(x) >= MANY else 20)
        right = story.right("trained", answers(model, x_test))
        of = f"trained on {len(x):,} images, gets {right} of {len(x_test):,} others right."
        chapter.says(f"A network of two convolutions, {of}")
    return model


def _convert(story: Story, model: nn.Module) -> ConvertedSNN:
    with story.chapter("Convert") as chapter:
        snn = convert(model, story.images.x_train[:CALIBRATED], T=TIMESTEPS, percentile=99.9)
        right = story.right("spiking", snn.classify(story.images.x_test, encoding="current"))
        sentence = f"Its spiking twin, {TIMESTEPS} steps of constant current, gets {right} right."
        chapter.says(sentence, certificate(snn.certificate), network(*snn.graph.outline(), "The spiking network"))
    return snn


def _certify(story: Story, model: nn.Module, snn: ConvertedSNN) -> None:
    with story.chapter("Certify") as chapter:
        report = certify(model, snn, story.images.x_test[:JUDGED])
        report.save_html(story.folder / "certified.html", "the story's network")
        rows = [[layer.name, layer.worst_kind, layer.arrives["all"]] for layer in report.layers]
        lost = table(["layer", "loses most by", "arrives, in deviations of the logits"], rows)
        chapter.says(report.verdict, certificate(report.certificate), lost, _more("certified.html"))


def _optimise(story: Story, graph: SNNGraph) -> SNNGraph:
    x, y = story.images.x_test, story.images.y_test
    with story.chapter("Optimise") as chapter:
        smaller: SNNGraph
        smaller, report = optimize(
            graph, data=(x[:JUDGED], y[:JUDGED]), timesteps=TIMESTEPS, input_range=(0.0, 1.0), horizon=TIMESTEPS
        )
        report.save(story.folder / "optimised.html", "the story's network")
        right = story.right("optimised", smaller.run(x, T=TIMESTEPS).drive.argmax(axis=1))
        sentence = (
            f"{report.neurons_before:,} neurons become {report.neurons_after:,}, {report.params_before:,} parameters "
            f"{report.params_after:,}; {right} right."
        )
        chapter.says(sentence, certificate(report.certificate), _more("optimised.html"))
    return smaller


def _quantise(story: Story, graph: SNNGraph) -> IntegerNetwork:
    with story.chapter("Make it integer") as chapter:
        whole = quantize(graph, 8, data=story.images.x_train[:JUDGED], timesteps=TIMESTEPS)
        drive = whole.drive(story.images.x_test, T=TIMESTEPS)
        right = story.right("int8", drive.argmax(axis=1))
        chapter.says(f"Weights of 8 bits, all else whole numbers of 32: {right} right.", certificate(whole.certificate))
    return whole


def _run_everywhere(story: Story, graph: SNNGraph, whole: IntegerNetwork) -> None:
    x = story.images.x_test[:SHOWN]
    rows: list[list[Any]] = []
    with story.chapter("Save, and run in every language") as chapter:
        for kind, kept, samples in (("floats", graph, x), ("int8", whole.graph, whole.whole(x))):
            checkpoint = SNNCheckpoint.from_graph(kept, metadata={"T": TIMESTEPS, "images": story.images.name})
            path = save_checkpoint(checkpoint, story.folder / f"story_{kind}")
            for answer in heard(path, samples, TIMESTEPS):
                story.same[f"{kind}, {answer.language}"] = answer.same
                told = "not here" if answer.same is None else "the same" if answer.same else "NOT the same"
                rows.append([kind, answer.language, told, answer.spikes or None, answer.detail])
        here = [same for same in story.same.values() if same is not None]
        told = "all give" if all(here) else "NOT all give"
        sentence = f"Two checkpoints, loaded from their files: {len(here)} runs, and {told} the reference's spikes."
        chapter.says(sentence, table(["network", "language", "spikes", "how many", "how"], rows))


def _export(story: Story, graph: SNNGraph, whole: IntegerNetwork) -> None:
    x = story.images.x_test[:SHOWN]
    with story.chapter("Take it to NIR and C") as chapter:
        nodes, same = as_nir(graph, x, TIMESTEPS, story.folder / "story.nir")
        story.same["NIR"] = same
        largest = whole.units.input.largest
        written = as_c(whole.graph, whole.whole(x), TIMESTEPS, largest, story.folder / "story.c")
        constants, state, story.same["C"] = written
        how = {None: "there is no C compiler here", True: "compiled, it gives the same", False: "it gives OTHER bits"}
        sentence = (
            f"story.nir has {nodes} nodes and {'the same' if same else 'OTHER'} output spikes; story.c holds "
            f"{constants:,} bytes of constants and {state:,} of state: {how[story.same['C']]}."
        )
        chapter.says(sentence)


def _train_on(story: Story, graph: SNNGraph, snn: ConvertedSNN) -> None:
    x, y = story.images.x_train[:LEARNT], story.images.y_train[:LEARNT]
    with story.chapter("Train on, under the profiler") as chapter:
        profiler, scale = SpikeProfiler(), float(np.max(snn.scales[-1]))
        checkpoint = SNNCheckpoint.from_graph(graph, metadata={"T": TIMESTEPS})
        every_layer = TransferConfig(freeze_until=-1, lr_backbone=1e-4, lr_head=1e-3)
        watched: dict[str, Any] = {"profiler": profiler, "profile_every": 2}
        tuned = finetune(checkpoint, x, y, every_layer, epochs=2, validation=0.2, logit_scale=scale, **watched)
        report = profiler.report()
        report.save_html(story.folder / "profile.html", "the story's fine-tuning")
        run = tuned.checkpoint.to_graph().run(story.images.x_test, T=TIMESTEPS)
        right = story.right("trained on", run.drive.argmax(axis=1))
        found = [f"{p.severity.value}, {p.layer}: {p.message}" for p in report.pathologies]
        epochs = table(
            ["epoch", "loss", "validation loss", "validation accuracy"],
            [[e.number, e.loss, e.validation_loss, e.validation_accuracy] for e in tuned.history],
        )
        sentence = f"Surrogate gradients through {TIMESTEPS} steps, on {np.size(y)} images: {right} right."
        chapter.says(sentence, *(found or ["The profiler finds nothing wrong."]), epochs, _more("profile.html"))


def _more(name: str) -> Html:
    """Return a line that leads to another page of the same folder."""
    return Html(f'<p>More of it: <a href="{name}">{name}</a></p>')
