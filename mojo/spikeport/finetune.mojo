"""Fine-tuning: which layers are frozen, how fast the others learn, one step.

    frozen  = those frozen before, and layers 0 … last
    rate[k] = 0 where frozen;  lr_head from the head on;  lr_backbone before it
    u = μ·u + g
    w = w - η·u           in this order; a frozen layer keeps its bits
"""
from std.math import isfinite
from std.sys.info import simd_width_of

from .checks import check_finite, refusal


@fieldwise_init
struct Schedule(Copyable):
    """Which layers are frozen and how fast each layer learns."""

    var frozen: List[String]
    """Names of the frozen layers, in network order."""
    var rates: List[Float64]
    """Learning rate of every layer."""


def schedule(
    layer_names: List[String],
    *,
    freeze_until: Int = -1,
    freeze_until_name: Optional[String] = None,
    lr_backbone: Float64 = 0.0,
    lr_head: Float64 = 0.01,
    frozen: List[String] = [],
    head: Optional[String] = None,
) raises -> Schedule:
    """Returns the frozen layers and the learning rates.

    Args:
        layer_names: The network's layers, input side first.
        freeze_until: Layers 0 … `freeze_until` are frozen; -1 freezes none.
        freeze_until_name: The same by name; overrules the index.
        lr_backbone: Learning rate before the head.
        lr_head: Learning rate of the head.
        frozen: Names frozen before.
        head: Name of the head's first layer; the last layer if None.

    Returns:
        Frozen names and rates.

    Raises:
        Error: `learning_rate`, `unknown_layer`, `index_range`.
    """
    check_rate("lr_backbone", lr_backbone)
    check_rate("lr_head", lr_head)
    var last = freeze_until
    if freeze_until_name:
        last = position(layer_names, freeze_until_name.value())
    elif last < -1 or last >= len(layer_names):
        raise refusal(
            "index_range",
            String(
                "freeze_until=",
                last,
                " is not an index of ",
                len(layer_names),
                " layers: -1 freezes none",
            ),
        )
    var first_of_head = len(layer_names) - 1
    if head:
        first_of_head = position(layer_names, head.value())
    var kept = marked(layer_names, frozen)
    var names = List[String]()
    var rates = List[Float64]()
    for k in range(len(layer_names)):
        if kept[k] or k <= last:
            names.append(layer_names[k])
            rates.append(0.0)
        else:
            rates.append(lr_head if k >= first_of_head else lr_backbone)
    return Schedule(names^, rates^)


def unfreeze(
    layer_names: List[String],
    frozen: List[String],
    *,
    names: List[String] = [],
    all_layers: Bool = False,
) raises -> List[String]:
    """Returns the layers that stay frozen, in network order.

    Args:
        layer_names: The network's layers.
        frozen: Names of the frozen layers.
        names: Names to set free.
        all_layers: Whether to set all free.

    Returns:
        The names still frozen.

    Raises:
        Error: `unknown_layer`.
    """
    var free = marked(layer_names, names)
    var kept = marked(layer_names, frozen)
    var still = List[String]()
    for k in range(len(layer_names)):
        if kept[k] and not free[k] and not all_layers:
            still.append(layer_names[k])
    return still^


@fieldwise_init
struct Step[dtype: DType](Copyable):
    """Weights and velocities after a step.

    Parameters:
        dtype: Element type.
    """

    var weights: List[List[Scalar[Self.dtype]]]
    """New weights, one array for each layer."""
    var velocities: List[List[Scalar[Self.dtype]]]
    """New velocities, one array for each layer."""


def step[
    dtype: DType, //
](
    weights: List[List[Scalar[dtype]]],
    gradients: List[List[Scalar[dtype]]],
    rates: List[Float64],
    *,
    layer_names: List[String],
    frozen: List[String] = [],
    momentum: Float64 = 0,
    velocities: Optional[List[List[Scalar[dtype]]]] = None,
) raises -> Step[dtype]:
    """Takes one step of gradient descent with momentum.

    A layer that is frozen, or whose rate is 0, keeps the bits of its weights
    and of its velocity.

    Parameters:
        dtype: Element type.

    Args:
        weights: One flat array for each layer.
        gradients: One for each layer, as long as its weights.
        rates: Learning rate η of each layer, checked before it is rounded.
        layer_names: Names of all layers.
        frozen: Names of the frozen ones.
        momentum: Momentum μ in [0, 1), checked before it is rounded.
        velocities: One for each layer, as long as its weights; zeros if
            None.

    Returns:
        New weights and velocities.

    Raises:
        Error: `momentum`, `shape`, `unknown_layer`, then layer by layer
            `learning_rate`, `non_finite`, `shape`.
    """
    if not (momentum >= 0 and momentum < 1):
        raise refusal(
            "momentum", String("momentum must be in [0, 1), not ", momentum)
        )
    var count = len(layer_names)
    if (
        len(weights) != count
        or len(gradients) != count
        or len(rates) != count
        or (velocities and len(velocities.value()) != count)
    ):
        raise refusal(
            "shape",
            "names, weights, gradients, rates and velocities differ in number",
        )
    var still = marked(layer_names, frozen)
    var result = Step[dtype]([], [])
    for k in range(count):
        check_rate(layer_names[k], rates[k])
        check_finite("weights", weights[k])
        check_finite("gradients", gradients[k])
        var w = weights[k].copy()
        var u = List[Scalar[dtype]](length=len(w), fill=0)
        if velocities:
            u = velocities.value()[k].copy()
            check_finite("velocities", u)
        if len(gradients[k]) != len(w) or len(u) != len(w):
            raise refusal(
                "shape",
                String(
                    layer_names[k],
                    ": weights, gradients and velocities differ in length",
                ),
            )
        if rates[k] > 0 and not still[k]:
            descend(
                w,
                u,
                gradients[k],
                Scalar[dtype](rates[k]),
                Scalar[dtype](momentum),
            )
        result.weights.append(w^)
        result.velocities.append(u^)
    return result^


def descend[
    dtype: DType, //
](
    mut w: List[Scalar[dtype]],
    mut u: List[Scalar[dtype]],
    g: List[Scalar[dtype]],
    rate: Scalar[dtype],
    momentum: Scalar[dtype],
):
    """Moves one layer: `u = μ·u + g`, `w = w - η·u`."""
    comptime lanes = simd_width_of[dtype]()
    # Sound: the three are of one length, which `step` has checked.
    var weights = w.unsafe_ptr()
    var velocities = u.unsafe_ptr()
    var gradients = g.unsafe_ptr()

    def block[width: Int](i: Int) {imm}:
        var velocity = momentum * velocities.unsafe_load[width=width](
            i
        ) + gradients.unsafe_load[width=width](i)
        velocities.unsafe_store(i, velocity)
        weights.unsafe_store(
            i, weights.unsafe_load[width=width](i) - rate * velocity
        )

    var i = 0
    while i + lanes <= len(w):
        block[lanes](i)
        i += lanes
    while i < len(w):
        block[1](i)
        i += 1


def check_rate(name: StringSpan, rate: Float64) raises:
    """Refuses a learning rate that is negative or not finite."""
    if not (isfinite(rate) and rate >= 0):
        raise refusal(
            "learning_rate",
            String(name, " must be a finite rate of at least 0, not ", rate),
        )


def position(layer_names: List[String], name: String) raises -> Int:
    """Finds the index of a layer; raises `unknown_layer`."""
    for k in range(len(layer_names)):
        if layer_names[k] == name:
            return k
    raise refusal("unknown_layer", String("no layer is called '", name, "'"))


def marked(layer_names: List[String], names: List[String]) raises -> List[Bool]:
    """Says for each layer whether it is named; raises `unknown_layer`."""
    var flags = List[Bool](length=len(layer_names), fill=False)
    for name in names:
        flags[position(layer_names, name)] = True
    return flags^
