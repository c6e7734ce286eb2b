"""Answers conformance cases: `runner CASES` prints one line for each.

See `conformance/SPEC.md`, section 6.
"""
from std.sys import argv

from protocol.bench import answer_bench
from protocol.files import answer_read, answer_write
from protocol.neurons import (
    answer_encode_poisson,
    answer_if_constant,
    answer_if_multistep,
    answer_layer_forward,
    answer_network_run,
    answer_qcfs,
    answer_st_bif_multistep,
)
from protocol.operations import answer_operation_currents
from protocol.tuning import answer_schedule, answer_step, answer_unfreeze
from protocol.words import Arguments, Reply
from spikeport.checks import code_of, refusal

comptime TOOLCHAIN = "1.2.0"
"""The Mojo that this program is written for."""
comptime KERNELS: List[String] = [
    "if.multistep",
    "if.constant",
    "st_bif.multistep",
    "layer.forward",
    "operation.currents",
    "network.run",
    "encode.poisson",
    "qcfs",
    "finetune.schedule",
    "finetune.unfreeze",
    "finetune.step",
    "checkpoint.read",
    "checkpoint.write",
    "checkpoint.reject",
]
"""The kernels of the contract, all of which are here."""


def answer(
    kernel: StringSpan, arguments: Arguments, mut reply: Reply
) raises -> Bool:
    """Answers one case."""
    if kernel == "hello":
        reply.text("language", "mojo")
        reply.text("version", TOOLCHAIN)
        reply.text("protocol", "1")
        reply.texts("kernels", materialize[KERNELS]())
    elif kernel == "bench":
        answer_bench(arguments, reply)
    elif kernel == "network.run":
        answer_network_run(arguments, reply)
    elif kernel == "encode.poisson":
        answer_encode_poisson(arguments, reply)
    elif kernel == "finetune.schedule":
        answer_schedule(arguments, reply)
    elif kernel == "finetune.unfreeze":
        answer_unfreeze(arguments, reply)
    elif kernel == "checkpoint.read" or kernel == "checkpoint.reject":
        answer_read(arguments, reply)
    elif kernel == "checkpoint.write":
        answer_write(arguments, reply)
    else:
        var dtype = arguments.dtype()
        if dtype == DType.float64:
            return answer_floats[DType.float64](kernel, arguments, reply)
        if dtype == DType.float32:
            return answer_floats[DType.float32](kernel, arguments, reply)
        if dtype == DType.int32:
            return answer_typed[DType.int32](kernel, arguments, reply)
        raise refusal("dtype", "a kernel is of f64, f32 or i32")
    return True


def answer_floats[
    dtype: DType
](kernel: StringSpan, arguments: Arguments, mut reply: Reply) raises -> Bool:
    """Answers a case of a kernel that has a float type."""
    if kernel == "qcfs":
        answer_qcfs[dtype](arguments, reply)
    elif kernel == "finetune.step":
        answer_step[dtype](arguments, reply)
    else:
        return answer_typed[dtype](kernel, arguments, reply)
    return True


def answer_typed[
    dtype: DType
](kernel: StringSpan, arguments: Arguments, mut reply: Reply) raises -> Bool:
    """Answers a case of a kernel that has an element type."""
    if kernel == "if.multistep":
        answer_if_multistep[dtype](arguments, reply)
    elif kernel == "if.constant":
        answer_if_constant[dtype](arguments, reply)
    elif kernel == "st_bif.multistep":
        answer_st_bif_multistep[dtype](arguments, reply)
    elif kernel == "layer.forward":
        answer_layer_forward[dtype](arguments, reply)
    elif kernel == "operation.currents":
        answer_operation_currents[dtype](arguments, reply)
    else:
        return False
    return True


def reply_to(line: StringSpan) -> String:
    """Answers one line; a fault of any kind becomes a reply."""
    var words = line.split(" ", 2)
    var number = words[0]
    var reply = Reply()
    try:
        var kernel = words[1] if len(words) > 1 else StringSpan("")
        if not answer(kernel, Arguments(line), reply):
            return String(number, " skip=unsupported")
    except e:
        return String(number, " error=", code_of(e).split(" ")[0])
    return String(number, " ", StringSpan(unsafe_from_utf8=reply.bytes))


def main() raises:
    """Reads the file of cases and answers them in order."""
    var arguments = argv()
    if len(arguments) != 2:
        raise Error("usage: runner CASES")
    var text: String
    with open(String(arguments[1]), "r") as file:
        text = file.read()
    var bytes = text.as_bytes()
    var start = 0
    for end in range(len(bytes)):
        if bytes[end] == UInt8(ord("\n")):
            var line = StringSpan(unsafe_from_utf8=bytes[start:end])
            print(reply_to(line), flush=True)
            start = end + 1
    if start < len(bytes):
        var rest = bytes[start : len(bytes)]
        print(reply_to(StringSpan(unsafe_from_utf8=rest)), flush=True)
