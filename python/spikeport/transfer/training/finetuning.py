"""Fine-tuning: the network of a checkpoint learns another task, layer by layer as fast as its phases say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from spikeport.checks import takes
from spikeport.graph import SNNGraph
from spikeport.report.progress import bar
from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import TransferError
from spikeport.transfer.head import check_is_checkpoint, claims_put_away
from spikeport.transfer.saving import check_folder, save_checkpoint
from spikeport.transfer.schedule import TransferConfig
from spikeport.transfer.store import PathLike, checkpoint_paths
from spikeport.transfer.training.history import FineTuned, FineTunedPhase
from spikeport.transfer.training.phases import Phase, planned
from spikeport.transfer.training.samples import Samples, checked_samples, held_out
from spikeport.transfer.training.settings import Settings, checked_settings


@takes("T", instead_of="timesteps")
def finetune(
    checkpoint: SNNCheckpoint,
    data: Any,
    labels: Any,
    config: TransferConfig | Sequence[TransferConfig],
    *,
    epochs: int | Sequence[int] = 10,
    T: int | None = None,
    encoding: str | None = None,
    surrogate: Any = "arctan",
    loss: str = "drive",
    logit_scale: float | None = None,
    optimiser: str | Callable[[Any], Any] = "adam",
    momentum: float = 0.0,
    clip: float | None = None,
    batch_size: int = 32,
    validation: Any = None,
    patience: int | None = None,
    seed: int = 0,
    device: Any = None,
    profiler: Any = None,
    profile_every: int | None = None,
    progress: bool = False,
    save_as: PathLike | None = None,
) -> FineTuned:
    """Train the network of a checkpoint on labelled samples, in one phase or several, and return what came of it.

    The network runs as `SNNGraph.run` runs it, forward; backward a spike's derivative is a surrogate's (Neftci et al.
    2019, "Surrogate gradient learning in spiking neural networks"). Weights and biases learn, neurons stay as they are.
    A frozen layer, and one whose rate is 0, has no gradient and keeps its bits. The checkpoint that is given is left as
    it is.

    Parameters
    ----------
    checkpoint : a network of floats
    data : samples, shape (samples, *input_shape) or (samples, n_inputs)
    labels : the class of each, whole numbers from 0
    config : a phase: who is frozen, and how fast the others learn; or a list of phases, one after the other. What a
        phase freezes is free again in the next; what the checkpoint had frozen before stays frozen in all
    epochs : passes over the samples, at most; one number, or one for each phase
    T : timesteps; by default what the checkpoint's metadata say, as ``T`` or ``timesteps``
    encoding : "current", "poisson" or "pulse"; by default "pulse" for a lossless network, else "current"
    surrogate : "arctan", "fast_sigmoid", or an object of `spikeport.interop.torch`
    loss : cross entropy of what the output neurons receive per step ("drive", by which networks here answer), or of how
        often they spike ("counts")
    logit_scale : what the drive, or the counts, are multiplied by before the softmax; by default 1, for the drive of a
        converted network the unit of its last layer
    optimiser : "adam" or "sgd", or a function from parameter groups to a torch optimiser. A group is a layer:
        ``params``, ``lr``, ``name``
    momentum : of "sgd"
    clip : the largest norm of a gradient, over all that learns; longer ones are shortened to it
    batch_size : samples to a step
    validation : samples that nothing is learnt from: a share, drawn class by class, or a pair (data, labels). After
        each phase the network has the weights of the epoch of least validation loss, the one before the first included
    patience : a phase ends after so many epochs without a lower validation loss
    seed : of the order of samples, the share held out and Poisson draws, in each phase anew
    device : a torch device, such as "cuda"; by default the CPU
    profiler : a `spikeport.profiling.SpikeProfiler` that watches the training
    profile_every : it records one step in that many; by default as `SpikeProfiler.watch`
    progress : show a bar of epochs on standard error
    save_as : after phase k the checkpoint is saved there, as ``<save_as>_phase_<k>``

    Returns
    -------
    FineTuned
        The checkpoint has the type of the weights, the neurons and the names that it had; the last phase's frozen
        layers; and in its metadata ``fine_tuning``, a list of what was done. What they said of the network's answers
        before is in ``before_fine_tuning``.

    Raises
    ------
    TransferError
        before any work for data, labels or settings that cannot be meant; ``diverged`` where the loss is not finite.
    spikeport.errors.KernelError
        ``unknown_layer``, ``index_range``, ``learning_rate`` of a config.
    spikeport.errors.GraphError
        ``surrogate``.
    CheckpointError
        for a checkpoint that could not be saved; ``missing_file`` for a folder to save in that is not there.
    spikeport.errors.MissingExtra
        without torch.
    """
    check_is_checkpoint("finetune", checkpoint)
    graph = checkpoint.to_graph()
    phases = planned(checkpoint, config, epochs)
    given = {"T": T, "encoding": encoding, "surrogate": surrogate, "loss": loss, "logit_scale": logit_scale}
    given |= {"optimiser": optimiser, "momentum": momentum, "clip": clip, "batch_size": batch_size}
    given |= {"patience": patience, "seed": seed, "device": device}
    settings = checked_settings(graph, checkpoint.metadata, given)
    samples, unseen = _samples(graph, data, labels, validation, settings)
    if profiler is not None and not callable(getattr(profiler, "watch", None)):
        raise TransferError("profiler", f"profiler is a {type(profiler).__name__}: give a SpikeProfiler")
    paths = [None if save_as is None else _path_after(save_as, number) for number in range(1, len(phases) + 1)]

    from spikeport.transfer.training.learning import Learner

    learner = Learner(graph, settings)
    done: list[FineTunedPhase] = []
    total = sum(phase.epochs for phase in phases)
    with learner.watched_by(profiler, profile_every), bar("fine-tuning", total, shown=progress) as advance:
        for phase, path in zip(phases, paths, strict=True):
            outcome = learner.learn(phase, samples, unseen, advance)
            said = {"frozen": list(phase.frozen), "rates": phase.rates, "samples": len(samples)}
            said |= {"kept": outcome.result.to_dict(), **settings.to_dict()}
            checkpoint = _after(checkpoint, learner.graph(), phase, said)
            saved = None if path is None else save_checkpoint(checkpoint, path)
            done.append(FineTunedPhase(checkpoint, phase, outcome, saved))
    return FineTuned(tuple(done))


def _samples(
    graph: SNNGraph, data: Any, labels: Any, validation: Any, settings: Settings
) -> tuple[Samples, Samples | None]:
    """Return the samples to learn from, and those that are held out."""
    samples = checked_samples(graph, data, labels, settings.encoding)
    if validation is None:
        if settings.patience is not None:
            raise TransferError("patience", "patience waits for a lower validation loss: give validation=0.2, say")
        return samples, None
    if isinstance(validation, tuple | list):
        if len(validation) != 2:
            raise TransferError("validation", f"validation has {len(validation)} parts: give a pair (data, labels)")
        x, classes = validation
        return samples, checked_samples(graph, x, classes, settings.encoding, "validation data")
    return held_out(samples, validation, settings.seed)


def _after(checkpoint: SNNCheckpoint, learnt: SNNGraph, phase: Phase, said: dict[str, Any]) -> SNNCheckpoint:
    """Return the checkpoint with the weights and biases of the layers that learnt, and what is said of it."""
    weights, biases = list(checkpoint.weights), list(checkpoint.biases)
    for index, name in enumerate(checkpoint.layer_names):
        if name in phase.rates:
            arrays = learnt[name].operation.arrays()
            weights[index], biases[index] = arrays["weight"], arrays.get("bias")
    metadata = claims_put_away(checkpoint.metadata)
    earlier = metadata.get("fine_tuning")
    metadata["fine_tuning"] = [*(earlier if isinstance(earlier, list) else []), said]
    metadata["T"] = said["T"]
    metadata.pop("readout_delay", None)  # all steps were trained
    return replace(checkpoint, weights=weights, biases=biases, frozen_layers=list(phase.frozen), metadata=metadata)


def _path_after(path: PathLike, number: int) -> Path:
    """Return where the checkpoint goes after a phase; raises `CheckpointError` where nothing can be written there."""
    given = Path(path)
    archive, _ = checkpoint_paths(given)
    check_folder(archive.parent)
    suffix = given.suffix if given.suffix in (".npz", ".json", ".safetensors") else ""
    return given.with_name(f"{given.name.removesuffix(suffix)}_phase_{number}{suffix}")
