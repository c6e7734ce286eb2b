"""Freezing and rates on checkpoints, as the source document shows them and where it is silent."""

import numpy as np
import pytest

from spikeport.errors import KernelError
from spikeport.transfer import (
    SNNCheckpoint,
    TransferConfig,
    apply_transfer_config,
    finetune_step,
    freeze_layers,
    unfreeze_layers,
)


def checkpoint(names=("conv", "hidden", "readout")):
    n = len(names)
    return SNNCheckpoint([np.ones((2, 2))] * n, list(names), [(2, 2)] * n, ["IF"] * n)


def test_the_documented_calls():
    """The calls of the transfer tutorial, with our own numbers around them."""
    loaded = checkpoint(["hidden", "output"])
    config = TransferConfig(freeze_until=0, lr_backbone=0.0, lr_head=0.001)
    loaded, per_layer_lr = apply_transfer_config(loaded, config)
    assert loaded.frozen_layers == ["hidden"] and per_layer_lr == [0.0, 0.001]

    phase_1 = TransferConfig(freeze_until=0, lr_backbone=0.0, lr_head=0.001)
    loaded, phase_1_rates = apply_transfer_config(loaded, phase_1)
    unfreeze_layers(loaded, layer_names=["hidden"])
    phase_2 = TransferConfig(freeze_until=-1, lr_backbone=0.0001, lr_head=0.001)
    loaded, phase_2_rates = apply_transfer_config(loaded, phase_2)
    assert phase_1_rates == [0.0, 0.001] and phase_2_rates == [0.0001, 0.001] and loaded.frozen_layers == []


def test_the_documented_defaults():
    config = TransferConfig()
    assert (config.freeze_until, config.lr_backbone, config.lr_head) == (-1, 0.0, 0.01)


def test_helpers_change_and_return_the_checkpoint():
    ckpt = checkpoint()
    assert freeze_layers(ckpt, until_index=1) is ckpt and ckpt.frozen_layers == ["conv", "hidden"]
    assert freeze_layers(ckpt, layer_names=["readout"]) is ckpt and ckpt.frozen_layers == ["conv", "hidden", "readout"]
    assert unfreeze_layers(ckpt, ["hidden"]) is ckpt and ckpt.frozen_layers == ["conv", "readout"]
    assert unfreeze_layers(ckpt, all_layers=True).frozen_layers == []


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda c: apply_transfer_config(c, TransferConfig("nowhere")), "unknown_layer"),
        (lambda c: apply_transfer_config(c, TransferConfig(3)), "index_range"),
        (lambda c: apply_transfer_config(c, TransferConfig(-2)), "index_range"),
        (lambda c: apply_transfer_config(c, TransferConfig(1.0)), "index_range"),
        (lambda c: apply_transfer_config(c, TransferConfig(True)), "index_range"),
        (lambda c: apply_transfer_config(c, TransferConfig(0, lr_head=-1.0)), "learning_rate"),
        (lambda c: apply_transfer_config(c, TransferConfig(0, lr_backbone=float("nan"))), "learning_rate"),
        (lambda c: apply_transfer_config(c, TransferConfig(0, lr_head="0.1")), "learning_rate"),
        (lambda c: apply_transfer_config(c, TransferConfig(0, lr_backbone=None)), "learning_rate"),
        (lambda c: apply_transfer_config(c, TransferConfig(0, head="nowhere")), "unknown_layer"),
        (lambda c: freeze_layers(c, ["conv", "nowhere"]), "unknown_layer"),
        (lambda c: freeze_layers(c, "conv"), "unknown_layer"),
        (lambda c: freeze_layers(c, 0), "unknown_layer"),
        (lambda c: freeze_layers(c), "nothing_named"),
        (lambda c: freeze_layers(c, until_index=9), "index_range"),
        (lambda c: unfreeze_layers(c), "nothing_named"),
        (lambda c: unfreeze_layers(c, ["nowhere"]), "unknown_layer"),
    ],
)
def test_a_refused_call_changes_nothing(call, code):
    ckpt = freeze_layers(checkpoint(), ["hidden"])
    with pytest.raises(KernelError) as caught:
        call(ckpt)
    assert caught.value.code == code and isinstance(caught.value, ValueError) and ckpt.frozen_layers == ["hidden"]


def test_a_longer_head():
    _, rates = apply_transfer_config(checkpoint(), TransferConfig(-1, 0.5, 0.25, head="hidden"))
    assert rates == [0.5, 0.25, 0.25]


def test_a_step_leaves_frozen_layers_and_the_old_checkpoint_alone():
    ckpt, rates = apply_transfer_config(checkpoint(), TransferConfig(0, 0.5, 0.25))
    gradients = [np.full((2, 2), 0.5)] * 3
    new, velocities = finetune_step(ckpt, gradients, rates, momentum=0.5)
    assert [float(w[0, 0]) for w in new.weights] == [1.0, 0.75, 0.875]
    new, _ = finetune_step(new, gradients, rates, momentum=0.5, velocities=velocities)
    assert [float(w[0, 0]) for w in new.weights] == [1.0, 0.375, 0.6875]
    assert all(float(w[0, 0]) == 1.0 for w in ckpt.weights) and new.frozen_layers == ["conv"]


def test_fine_tuning_learns_while_the_backbone_stays():
    """A head trained by steps on a fixed backbone fits what it could not before."""
    rng = np.random.default_rng(0)
    x = rng.random((64, 4))
    target = x @ rng.normal(size=(4, 3))
    ckpt = SNNCheckpoint([np.eye(4), np.zeros((3, 4))], ["backbone", "head"], [(4, 4), (4, 3)])
    ckpt, rates = apply_transfer_config(ckpt, TransferConfig("backbone", 0.0, 0.5))
    velocities = None
    for _ in range(300):
        hidden = x @ ckpt.weights[0].T
        error = hidden @ ckpt.weights[1].T - target
        gradients = [np.ones((4, 4)), 2 * error.T @ hidden / len(x)]
        ckpt, velocities = finetune_step(ckpt, gradients, rates, momentum=0.5, velocities=velocities)
    assert np.abs(error).max() < 0.05 and np.array_equal(ckpt.weights[0], np.eye(4))
