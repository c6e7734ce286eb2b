"""The two-stage transform as YAML: what is quantised, then what spikes. Parsed and validated before any work.

Three sections: ``quantization_config`` (by regex over module names; a pattern must match the whole name),
``snn_transformer_config_attn`` (by regex) and ``snn_transformer_config_fc`` (by type). ``transform_cfg.yaml`` beside
this file is the default. Every message about a wrong word names the nearest right one.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from spikeport.checks import is_whole
from spikeport.errors import MissingExtra
from spikeport.roberta.errors import RobertaError

QUANTISATION, ATTENTION, BY_TYPE = (
    "quantization_config",
    "snn_transformer_config_attn",
    "snn_transformer_config_fc",
)
SECTIONS = {QUANTISATION: "regex", ATTENTION: "regex", BY_TYPE: "type"}
SPIKING_OF_TYPE = {
    "embedding": "zip_tf",
    "layernorm": "zip_tf",
    "linear": "unfold_bias",
    "relu": "identity",
    "tanh": "zip_tf",
    "lsqinteger": "st_bif",
}
NEURON_TYPES = ("ST-BIF",)
DEFAULT_LEVEL = 32
SHIPPED = "transform_cfg.yaml"


@dataclass(frozen=True)
class Rule:
    """One entry of a section.

    Attributes
    ----------
    target : a regular expression over module names, or a type, as the section says
    name : what the module becomes: lsqinteger, zip_tf, unfold_bias, identity or st_bif
    level : levels of a quantiser, or steps over which ``unfold_bias`` spreads a bias
    neuron_type : "ST-BIF"
    manual_instantiate : kept as documented; every module here is built from the one it replaces
    """

    target: str
    name: str
    level: int = DEFAULT_LEVEL
    neuron_type: str = "ST-BIF"
    manual_instantiate: bool = False

    def matches(self, module_name: str) -> bool:
        """Whether the pattern matches the whole of ``module_name``."""
        return re.fullmatch(self.target, module_name) is not None


@dataclass(frozen=True)
class Transform:
    """A validated transform: rules of quantisation (regex), spiking attention (regex), everything else (type)."""

    quantisation: tuple[Rule, ...]
    attention: tuple[Rule, ...]
    by_type: tuple[Rule, ...]

    @classmethod
    def default(cls, level: int = DEFAULT_LEVEL) -> Transform:
        """Return the documented default, with another ``level`` where given."""
        text = resources.files("spikeport.roberta.network").joinpath(SHIPPED).read_text(encoding="utf-8")
        data = _load(text, "the default transform")
        for section in SECTIONS:
            for entry in data[section].values():
                if isinstance(entry, dict) and "level" in entry["config"]:
                    entry["config"]["level"] = level
        return cls.from_dict(data)

    @classmethod
    def from_yaml(cls, path: str | Path) -> Transform:
        """Read and validate a YAML file.

        Raises
        ------
        RobertaError
            ``transform``: no such file, no YAML, or anything `from_dict` refuses; ``level``.
        """
        file = Path(path)
        if not file.is_file():
            hint = "; that name stands for the one shipped: give 'default'" if file.name == SHIPPED else ""
            raise RobertaError("transform", f"transform config {file} is not a file{hint}")
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise RobertaError("transform", f"{file} is not UTF-8 text: {error}") from None
        return cls.from_dict(_load(text, str(file)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Transform:
        """Validate parsed YAML.

        Raises
        ------
        RobertaError
            ``transform``: an unknown section, key, name, type or neuron, a missing one, a regular expression that
            does not compile; ``level``: not a whole number, or too small for the quantisers.
        """
        if not isinstance(data, Mapping):
            raise RobertaError("transform", f"a transform is a mapping with {', '.join(SECTIONS)}, not {data!r}")
        for key in data:
            _known("section", key, SECTIONS, "transform")
        if QUANTISATION not in data:
            raise RobertaError("transform", f"section {QUANTISATION} is missing: nothing would be quantised")
        return cls(*(_rules(section, data.get(section, {"by": by})) for section, by in SECTIONS.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return the documented form, which `from_dict` reads."""
        parts = (self.quantisation, self.attention, self.by_type)
        return {
            section: {"by": by, **{rule.target: _entry(rule) for rule in rules}}
            for (section, by), rules in zip(SECTIONS.items(), parts, strict=True)
        }

    def spiking_rule(self, kind: str) -> Rule | None:
        """Return the rule for modules of type ``kind``, or None."""
        return next((rule for rule in self.by_type if rule.target == kind), None)


def match_rules(section: str, rules: Iterable[Rule], module_names: Iterable[str]) -> dict[str, Rule]:
    """Return the rule of every module that one matches, in the order of the modules.

    Raises
    ------
    RobertaError
        ``transform``: a pattern that matches nothing, naming the nearest module, or two that match one module.
    """
    names = [name for name in module_names if name]
    found: dict[str, Rule] = {}
    for rule in rules:
        hits = [name for name in names if rule.matches(name)]
        if not hits:
            plain = re.sub(r"\\d\+|\[0-9\]\+", "0", rule.target).replace("\\.", ".")
            near = difflib.get_close_matches(plain, names, n=1, cutoff=0.3)
            hint = f"; the nearest module is {near[0]!r}" if near else ""
            raise RobertaError("transform", f"{section}: pattern {rule.target!r} matches no module{hint}")
        for name in hits:
            if name in found:
                both = f"{found[name].target!r} and {rule.target!r}"
                raise RobertaError("transform", f"{section}: {both} both match {name!r}: keep one")
            found[name] = rule
    return {name: found[name] for name in names if name in found}


def _rules(section: str, entries: Any) -> tuple[Rule, ...]:
    by = SECTIONS[section]
    if not isinstance(entries, Mapping):
        raise RobertaError("transform", f"{section} must be a mapping, not {entries!r}")
    if entries.get("by") != by:
        raise RobertaError("transform", f"{section}: 'by' must be {by!r}, not {entries.get('by')!r}")
    return tuple(_rule(section, target, entry) for target, entry in entries.items() if target != "by")


def _rule(section: str, target: Any, entry: Any) -> Rule:
    place = f"{section}, {target!r}"
    if not isinstance(target, str):
        raise RobertaError("transform", f"{section}: {target!r} is not a text")
    if not isinstance(entry, Mapping) or not isinstance(entry.get("config"), Mapping):
        raise RobertaError("transform", f"{place}: expected 'config:' with a 'name:', got {entry!r}")
    for key in entry:
        _known("key", key, ("config", "manual_instantiate"), place)
    config = entry["config"]
    for key in config:
        _known("key", key, ("name", "level", "neuron_type"), f"{place}, config")
    if "name" not in config:
        raise RobertaError("transform", f"{place}: config has no 'name'")
    if SECTIONS[section] == "type":
        _known("type", target, SPIKING_OF_TYPE, section)
        allowed = (SPIKING_OF_TYPE[target],)
    else:
        try:
            re.compile(target)
        except re.error as error:
            raise RobertaError("transform", f"{place}: not a regular expression: {error}") from None
        allowed = ("lsqinteger",) if section == QUANTISATION else ("zip_tf",)
    _known("name", config["name"], allowed, place)
    neuron_type = config.get("neuron_type", NEURON_TYPES[0])
    _known("neuron_type", neuron_type, NEURON_TYPES, place)
    manual = entry.get("manual_instantiate", False)
    if not isinstance(manual, bool):
        raise RobertaError("transform", f"{place}: manual_instantiate is true or false, not {manual!r}")
    level = config.get("level", DEFAULT_LEVEL)
    smallest = 1 if config["name"] == "unfold_bias" else 4
    if not is_whole(level) or level < smallest:
        reason = "" if smallest == 1 else ": a signed quantiser has no positive level below that"
        raise RobertaError("level", f"{place}: level {level!r} must be a whole number of at least {smallest}{reason}")
    return Rule(target, config["name"], int(level), neuron_type, manual)


def _entry(rule: Rule) -> dict[str, Any]:
    config: dict[str, Any] = {"name": rule.name}
    if rule.name in ("lsqinteger", "unfold_bias") or rule.level != DEFAULT_LEVEL:
        config["level"] = rule.level
    entry: dict[str, Any] = {"config": config}
    if rule.manual_instantiate:
        entry["manual_instantiate"] = True
    return entry


def _known(what: str, given: Any, allowed: Iterable[str], place: str) -> None:
    names = list(allowed)
    if given in names:
        return
    near = difflib.get_close_matches(str(given), names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"expected {', '.join(names)}"
    raise RobertaError("transform", f"{place}: unknown {what} {given!r}: {hint}")


def _load(text: str, source: str) -> Any:
    try:
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        raise MissingExtra("pyyaml", "roberta", "reading a transform config") from None

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        """A safe loader that refuses a key given twice, where YAML's own would keep the last."""

    def mapping(loader: Loader, node: yaml.MappingNode) -> dict[Any, Any]:
        keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
        twice = [key for i, key in enumerate(keys) if key in keys[:i]]
        if twice:
            raise RobertaError("transform", f"{source}: key {twice[0]!r} is given twice")
        return {
            key: loader.construct_object(value, deep=True) for key, (_, value) in zip(keys, node.value, strict=True)
        }

    Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, mapping)
    try:
        return yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise RobertaError("transform", f"{source} is not YAML: {error}") from None
