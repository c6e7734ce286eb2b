"""Answers to the cases of the family `finetune`."""
from spikeport.finetune import schedule, step, unfreeze

from .words import Arguments, Reply


def answer_schedule(arguments: Arguments, mut reply: Reply) raises:
    """Answers `finetune.schedule`."""
    var until_name = Optional[String](None)
    if arguments.has("until_name"):
        until_name = arguments.text("until_name")
    var head = Optional[String](None)
    if arguments.has("head"):
        head = arguments.text("head")
    var result = schedule(
        arguments.texts("names"),
        freeze_until=arguments.integer("until_index", -1),
        freeze_until_name=until_name,
        lr_backbone=arguments.parameter("lr_backbone", 0.0)[0],
        lr_head=arguments.parameter("lr_head", 0.01)[0],
        frozen=arguments.texts("frozen"),
        head=head,
    )
    reply.texts("frozen", result.frozen)
    reply.numbers("rates", result.rates)


def answer_unfreeze(arguments: Arguments, mut reply: Reply) raises:
    """Answers `finetune.unfreeze`."""
    reply.texts(
        "frozen",
        unfreeze(
            arguments.texts("names"),
            arguments.texts("frozen"),
            names=arguments.texts("layers"),
            all_layers=arguments.integer("all", 0) == 1,
        ),
    )


def answer_step[dtype: DType](arguments: Arguments, mut reply: Reply) raises:
    """Answers `finetune.step`."""
    var weights = _layers[dtype](arguments, "weights")
    var velocities = _layers[dtype](arguments, "velocities")
    var result = step(
        weights,
        _layers[dtype](arguments, "gradients"),
        arguments.numbers("rates"),
        layer_names=arguments.texts("names"),
        frozen=arguments.texts("frozen"),
        momentum=arguments.parameter("momentum", 0.0)[0],
        velocities=Optional(velocities^) if len(velocities) > 0 else None,
    )
    for k in range(len(result.weights)):
        reply.numbers(String("weights.", k), result.weights[k])
        reply.numbers(String("velocities.", k), result.velocities[k])


def _layers[
    dtype: DType
](arguments: Arguments, key: StringSpan) raises -> List[List[Scalar[dtype]]]:
    """Returns `key.0`, `key.1`, … as far as they are given."""
    var result = List[List[Scalar[dtype]]]()
    while arguments.has(String(key, ".", len(result))):
        result.append(arguments.numbers[dtype](String(key, ".", len(result))))
    return result^
