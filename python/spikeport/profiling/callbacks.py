"""The profiler inside a trainer: callbacks for transformers' `Trainer` and for Lightning.

The classes are made on first use, so that neither library is imported before.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import TYPE_CHECKING, Any

from spikeport.errors import MissingExtra
from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.profiler import SpikeProfiler

if TYPE_CHECKING:
    from spikeport.profiling.watching.watch import Watch

    TrainerProfilerCallback: Any
    LightningProfilerCallback: Any


class _Watching:
    """What both callbacks do: watch at the start, stop at the end, and on a critical finding where that is asked."""

    def __init__(
        self,
        profiler: SpikeProfiler | None = None,
        every: int | None = None,
        stop_on_critical: bool = False,
        writer: Any = None,
    ) -> None:
        super().__init__()
        self.profiler = profiler if profiler is not None else SpikeProfiler()
        self.every, self.stop_on_critical, self.writer = every, stop_on_critical, writer
        self._watch: Watch | None = None

    def _begin(self, model: Any, follow: bool = True) -> None:
        if self._watch is None or not self._watch.is_active:
            self._watch = self.profiler.watch(model, self.every, follow=follow)

    def _end(self) -> None:
        if self._watch is not None:
            self._watch.remove()
            self._watch = None

    def _write(self, step: int) -> None:
        if self.writer is not None:
            self.profiler.log_scalars(self.writer, step)

    def _is_critical(self) -> bool:
        return self.stop_on_critical and self.profiler.report().has_critical


@cache
def _trainer_callback() -> type:
    try:
        from transformers import TrainerCallback
    except ImportError:
        raise MissingExtra("transformers", "roberta", "the callback for the Trainer") from None

    class TrainerProfilerCallback(_Watching, TrainerCallback):
        """Profile a training by transformers' `Trainer`: ``Trainer(…, callbacks=[TrainerProfilerCallback()])``.

        Parameters
        ----------
        profiler : a `SpikeProfiler`; a new one by default, kept as ``profiler``
        every : see `SpikeProfiler.watch`
        stop_on_critical : stop the training at the first log after a critical finding
        writer : a TensorBoard ``SummaryWriter`` to write the figures to

        The figures are added to the Trainer's log history. The Trainer tells no callback of an exception: after one,
        ``callback.profiler.close()`` removes the hooks.
        """

        def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
            """Place the hooks."""
            self._begin(model)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            """Add the figures to the log."""
            if self._watch is not None and logs is not None:
                figures = self.profiler.scalars()
                logs.update(figures)
                if state.log_history:
                    state.log_history[-1].update(figures)
                self._write(state.global_step)
                control.should_training_stop = control.should_training_stop or self._is_critical()

        def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Remove the hooks."""
            self._end()

    return TrainerProfilerCallback


@cache
def _lightning_callback() -> type:
    for package in ("lightning.pytorch", "pytorch_lightning"):
        try:
            base: Any = importlib.import_module(package).Callback
            break
        except ImportError:
            continue
    else:
        raise ProfilingError("missing_package", "the callback for Lightning needs it: pip install lightning")

    class LightningProfilerCallback(_Watching, base):  # type: ignore[misc]
        """Profile a training by Lightning: ``Trainer(…, callbacks=[LightningProfilerCallback()])``.

        Parameters
        ----------
        profiler : a `SpikeProfiler`; a new one by default, kept as ``profiler``
        every : see `SpikeProfiler.watch`
        stop_on_critical : stop the training at the end of an epoch with a critical finding
        writer : a TensorBoard ``SummaryWriter`` to write the figures to; Lightning's own loggers have them anyway
        """

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            """Place the hooks; iterations are Lightning's batches, since it calls no forward pass of the module."""
            self._begin(pl_module, follow=False)

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            """Begin an iteration."""
            if self._watch is not None:
                self._watch.begin()

        def on_after_backward(self, trainer: Any, pl_module: Any) -> None:
            """Note that gradients are there."""
            if self._watch is not None:
                self._watch.see_backward()

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            """End the iteration, so that a validation is not recorded."""
            if self._watch is not None:
                self._watch.end()

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            """Log the figures, and stop where that was asked."""
            pl_module.log_dict(self.profiler.scalars())
            self._write(trainer.global_step)
            trainer.should_stop = trainer.should_stop or self._is_critical()

        def on_train_end(self, trainer: Any, pl_module: Any) -> None:
            """Remove the hooks."""
            self._end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """Remove the hooks where the training fails."""
            self._end()

    return LightningProfilerCallback


def __getattr__(name: str) -> Any:
    if name == "TrainerProfilerCallback":
        return _trainer_callback()
    if name == "LightningProfilerCallback":
        return _lightning_callback()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
