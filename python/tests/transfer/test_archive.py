"""The archive's reader knows what it is told: members by name, with the shapes and types that they may have."""

import numpy as np
import pytest

from spikeport.transfer import CheckpointError
from spikeport.transfer.files.archive import Member, largest_archive, read_archive, write_archive
from spikeport.transfer.files.members import FLOATS, layers_of, named_arrays
from spikeport.transfer.files.version_1 import expected_members

KERNEL = Member(name="kernel", shapes=((2, 3, 3), (2, 1, 1)), types=FLOATS, required=True)
SCALE = Member(name="scale", shapes=((2,),), types=("<f8",), required=False)
EXPECTED = [KERNEL, SCALE]


def read(arrays, expected=EXPECTED):
    return list(read_archive(memoryview(write_archive(arrays)), expected, "c.npz"))


@pytest.mark.parametrize("shape", KERNEL.shapes)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_members_come_back_in_the_order_in_which_they_are_expected(shape, dtype):
    kernel, scale = np.full(shape, 0.5, dtype), np.ones(2)
    back = read({"kernel": kernel, "scale": scale})
    assert [(a.dtype, a.tolist()) for a in back] == [(a.dtype, a.tolist()) for a in (kernel, scale)]


def test_a_member_that_is_not_required_may_be_absent():
    kernel, scale = read({"kernel": np.ones((2, 1, 1))})
    assert kernel.shape == (2, 1, 1) and scale is None


@pytest.mark.parametrize(
    ("code", "arrays"),
    [
        ("missing_entry", {"scale": np.ones(2)}),
        ("unexpected_entry", {"kernel": np.ones((2, 3, 3)), "shift": np.ones(2)}),
        ("archive_syntax", {"scale": np.ones(2), "kernel": np.ones((2, 3, 3))}),
        ("shape", {"kernel": np.ones((2, 2, 2))}),
        ("dtype", {"kernel": np.ones((2, 3, 3)), "scale": np.ones(2, np.float32)}),
        ("dtype", {"kernel": np.ones((2, 3, 3), np.int64)}),
        ("non_finite", {"kernel": np.full((2, 3, 3), np.inf)}),
    ],
)
def test_what_is_not_expected_is_refused(code, arrays):
    with pytest.raises(CheckpointError) as caught:
        read(arrays)
    assert caught.value.code == code


def test_the_bound_of_the_length_holds_for_the_largest_archive():
    largest = write_archive({"kernel": np.ones((2, 3, 3)), "scale": np.ones(2)})
    assert len(largest) <= largest_archive(EXPECTED) < len(largest) + 400


def test_version_1_expects_three_members_for_each_layer():
    members = expected_members([(3, 4), (4, 2)])
    assert [(m.name, m.shapes, m.required) for m in members[:3]] == [
        ("layer_0.weight", ((4, 3),), True),
        ("layer_0.bias", ((4,),), False),
        ("layer_0.neuron", ((7, 1), (7, 4)), False),
    ]
    assert [m.name for m in members[3:]] == ["layer_1.weight", "layer_1.bias", "layer_1.neuron"]
    assert largest_archive(members) == 22 + sum(
        804 + 8 * (n_out * n_in + 8 * n_out) for n_in, n_out in [(3, 4), (4, 2)]
    )


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("dtype", {"layer_0.bias": np.ones(4, np.float32), "layer_1.weight": np.full((2, 4), np.nan)}),
        ("dtype", {"layer_0.neuron": np.ones((7, 1), np.float32), "layer_1.weight": np.ones((4, 2))}),
        ("shape", {"layer_0.bias": np.ones(4, np.float32), "layer_0.neuron": np.ones((7, 2), np.float32)}),
        ("non_finite", {"layer_0.weight": np.full((4, 3), np.nan), "layer_0.bias": np.ones(4, np.float32)}),
    ],
)
def test_the_first_of_two_faults_gives_the_code(code, changes):
    """SPEC 5, step 12: member by member, then the types of a layer's members, then the next layer."""
    good = {
        "layer_0.weight": np.ones((4, 3)),
        "layer_0.bias": np.ones(4),
        "layer_0.neuron": np.ones((7, 1)),
        "layer_1.weight": np.ones((2, 4)),
    }
    expected = expected_members([(3, 4), (4, 2)])
    layers = layers_of(expected, iter(read(good, expected)), "c.npz", one_type=False)
    assert list(named_arrays(layers)) == list(good)
    content = memoryview(write_archive(good | changes))
    with pytest.raises(CheckpointError) as caught:
        layers_of(expected, read_archive(content, expected, "c.npz"), "c.npz", one_type=False)
    assert caught.value.code == code
