"""Following a model's forward by ``torch.fx``, with a sample beside it.

Every call on a tensor is recorded, and computed for the sample at once. So a size is a number, ``if`` on a shape goes
the way it goes for the sample, and only what hangs on values cannot be followed.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any

from torch import Tensor, fx, nn
from torch.fx.node import map_aggregate

from spikeport.errors import ConversionError
from spikeport.reading.network import Activations
from spikeport.reading.places import line_of, line_raised
from spikeport.reading.refusals import is_followed, module_reason

VALUE, PLACE, PATH = "spikeport_value", "spikeport_place", "spikeport_path"


class NotFollowedError(ConversionError):
    """A forward that ``torch.fx`` cannot follow; another tool may."""


class Known(fx.Proxy):
    """A tensor whose value for the sample is known, so that its sizes are numbers."""

    tracer: Recorder

    @property
    def value(self) -> Tensor:
        """Its value for the sample."""
        value: Tensor = self.node.meta[VALUE]
        return value

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    dtype = property(lambda self: self.value.dtype)
    device = property(lambda self: self.value.device)
    is_cuda = property(lambda self: self.value.is_cuda)
    requires_grad = property(lambda self: False)

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Any:
        raise ConversionError(
            "unsupported_module",
            f"{self.tracer.here()}: its forward walks over the samples of a batch one by one: compute them together",
        )


class Recorder(fx.Tracer):
    """Records a forward as an ``fx.Graph`` whose nodes carry the sample's value, the place, and the module's path."""

    def __init__(self, sample: Tensor, activations: Activations) -> None:
        super().__init__()
        self.sample, self.activations = sample, activations
        self.failed: fx.proxy.Scope | None = None

    def record(self, model: nn.Module) -> fx.Graph:
        """Return what ``model`` does; raises `ConversionError` where that cannot be followed."""
        self.model = model
        try:
            return self.trace(model)
        except ConversionError:
            raise
        except fx.proxy.TraceError as error:
            raise ConversionError(
                "unsupported_module",
                f"{self.here(error)}: its forward goes a way that hangs on the values of its input, so there is no one "
                "network to convert: write that way without the question, or convert the part behind it",
            ) from None
        except Exception as error:
            raise NotFollowedError(
                "unsupported_module",
                f"{self.here(error)}: its forward cannot be followed on a sample of shape "
                f"{tuple(self.sample.shape[1:])}: {type(error).__name__}: {error}",
            ) from error

    def here(self, error: Exception | None = None) -> str:
        """Return the module at work and the line of the user's code."""
        scope = self.scope if error is None or self.failed is None else self.failed
        path, kind = scope.module_path, getattr(scope.module_type, "__name__", None)
        name = f"{path} ({kind})" if path else type(self.model).__name__
        line = line_of(sys._getframe(), Recorder.record.__code__) if error is None else line_raised(error)
        return f"{name}, {line}" if line else name

    def call_module(self, m: nn.Module, forward: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Follow a module's forward; hooks are left to the comparison with the model itself."""
        if not _has_proxy((args, kwargs)):
            return forward(*args, **kwargs)  # what makes a constant, such as a parametrised weight
        try:
            return super().call_module(m, m.forward, args, kwargs)
        except Exception:
            self.failed = self.failed or fx.proxy.Scope(self.path_of_module(m), type(m))
            raise

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, fx.Proxy]) -> Any:
        """Return a module's attribute as it is: parameters are constants, and what only they make is computed."""
        return attr_val

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether the module is taken as a whole: activations of ours are; what torch has and we do not is refused."""
        runs = type(m).forward
        if runs in self.activations and runs is not nn.ReLU.forward:
            return True
        if runs.__module__.startswith("torch.") and not is_followed(m):
            reason = module_reason(m, is_last=[*self.model.modules()][-1] is m)
            raise ConversionError("unsupported_module", f"{self.here()} cannot be converted: {reason}")
        return False

    def path_of_module(self, mod: nn.Module) -> str:
        """Return a module's path; of one that is not registered, what it is."""
        try:
            return super().path_of_module(mod)
        except NameError:
            return type(mod).__name__

    def _proxy_placeholder(self, name: str, concrete_args: Any, sig: inspect.Signature, fn_for_analysis: Any) -> Any:
        default = inspect.Parameter.empty if name.startswith("*") else sig.parameters[name].default
        if name.startswith("*") or default is not inspect.Parameter.empty:
            return None if name.startswith("*") else default
        if any(node.op == "placeholder" for node in self.graph.nodes):
            wanted = [key for key, parameter in sig.parameters.items() if parameter.default is inspect.Parameter.empty]
            raise ConversionError(
                "unsupported_module",
                f"{type(self.model).__name__}.forward takes {', '.join(wanted[1:])}: a spiking network has one input",
            )
        return self.create_proxy("placeholder", name, (), {})

    def create_arg(self, a: Any) -> Any:
        """Return what stands for an argument in the record; a tensor is a constant, which leaves the model alone."""
        if isinstance(a, Tensor):
            node = self.create_node("get_attr", "constant", (), {})
            node.meta[VALUE] = a.detach()
            return node
        return super().create_arg(a)

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        """Return a node that knows its place."""
        node = super().create_node(*args, **kwargs)
        node.meta[PLACE], node.meta[PATH] = self.here(), self.scope.module_path
        return node

    def proxy(self, node: fx.Node) -> Known:
        """Return the proxy of ours."""
        return Known(node, self)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *more: Any, **named: Any) -> Any:
        """Record a call, and return what stands for its result: a proxy, proxies, or a number that is no tensor."""
        proxy = super().create_proxy(kind, target, args, kwargs, *more, **named)
        value = proxy.node.meta[VALUE] = self._computed(proxy.node)
        if isinstance(value, tuple | list) and value and all(isinstance(part, Tensor) for part in value):
            parts = range(len(value))
            return tuple(self.create_proxy("call_function", _part, (proxy, part), {}) for part in parts)
        return proxy if isinstance(value, Tensor) else value

    def to_bool(self, obj: Any) -> bool:
        """Refuse what hangs on values."""
        raise fx.proxy.TraceError("the way hangs on values")

    def _computed(self, node: fx.Node) -> Any:
        def known(given: Any) -> Any:
            return given.meta[VALUE] if isinstance(given, fx.Node) else given

        args, kwargs = map_aggregate(node.args, known), map_aggregate(node.kwargs, known)
        if node.op == "placeholder":
            return self.sample
        if node.op == "call_module":
            module = self.model.get_submodule(str(node.target))
            return type(module).forward(module, *args, **kwargs)
        if node.op == "call_method":
            return getattr(args[0], str(node.target))(*args[1:], **kwargs)
        assert callable(node.target)
        return node.target(*args, **kwargs)


def _has_proxy(values: Any) -> bool:
    if isinstance(values, dict):
        return any(map(_has_proxy, values.values()))
    if isinstance(values, list | tuple):
        return any(map(_has_proxy, values))
    return isinstance(values, fx.Proxy)


def _part(values: Any, index: int) -> Any:
    return values[index]


PART = _part
"""What takes one of several results in a record."""
