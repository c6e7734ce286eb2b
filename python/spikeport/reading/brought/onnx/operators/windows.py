"""Windows of convolutions and pools: how ONNX says their sizes, and the padding that it leaves to be worked out."""

from __future__ import annotations

from dataclasses import dataclass

from spikeport.reading.brought.onnx.call import Call


@dataclass(frozen=True)
class Window:
    """On each axis: size, stride, dilation, and zeros put before and after."""

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def is_even(self) -> bool:
        """Whether as much is put before as after."""
        return self.before == self.after

    @property
    def pads(self) -> list[int]:
        """The padding as ``F.pad`` takes it: the last axis first."""
        return [n for pair in reversed([*zip(self.before, self.after, strict=True)]) for n in pair]


def window_of(call: Call, kernel: tuple[int, ...]) -> Window:
    """Return the window of a node over one or two axes."""
    sizes = call.x.shape[1:]
    if len(kernel) not in (1, 2) or len(sizes) != len(kernel):
        raise call.refuse(
            f"its window has {len(kernel)} axes and its input {len(sizes)} behind the channels: windows over one and "
            "two axes are converted"
        )
    ones, zeros = [1] * len(kernel), [0] * 2 * len(kernel)
    stride, dilation = call.attributes.get("strides", ones), call.attributes.get("dilations", ones)
    pads = call.attributes.get("pads", zeros)
    how = call.attributes.get("auto_pad", "NOTSET")
    if how in ("SAME_UPPER", "SAME_LOWER"):
        pads = _same(sizes, kernel, stride, dilation, how == "SAME_UPPER")
    elif how == "VALID":
        pads = zeros
    half = len(kernel)
    return Window(kernel, tuple(stride), tuple(dilation), tuple(pads[:half]), tuple(pads[half:]))


def _same(
    sizes: tuple[int, ...], kernel: tuple[int, ...], stride: list[int], dilation: list[int], more_after: bool
) -> list[int]:
    """Return the padding with which there are as many windows as strides fit into the input."""
    totals = [
        max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
        for n, k, s, d in zip(sizes, kernel, stride, dilation, strict=True)
    ]
    less, more = [t // 2 for t in totals], [t - t // 2 for t in totals]
    return [*less, *more] if more_after else [*more, *less]
