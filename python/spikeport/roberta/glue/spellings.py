"""Flags of run_glue and of older transformers: the word that says the same today, or why none is needed.

Two kinds of input are rewritten, the words of a command line and the names of a JSON file, before they are parsed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from spikeport.roberta.glue.notices import say

OLDER_SPELLINGS = {
    "evaluation_strategy": "eval_strategy",
    "per_gpu_train_batch_size": "per_device_train_batch_size",
    "per_gpu_eval_batch_size": "per_device_eval_batch_size",
    "no_cuda": "use_cpu",
    "warmup_ratio": "warmup_steps",
    "push_to_hub_token": "hub_token",
    "push_to_hub_model_id": "hub_model_id",
    "logging_dir": "tensorboard_logging_dir",
    "relu_fy": "relufy",
}
SWITCHES = {
    "adafactor": ("optim", "adafactor"),
    "group_by_length": ("train_sampling_strategy", "group_by_length"),
}
"""Flags that were switches, and the argument and value that a switch stands for today."""
IGNORED = {
    "use_fast_tokenizer": "every tokenizer is a fast one",
    "trust_remote_code": "no code of the hub is run",
    "overwrite_cache": "no tokens are kept between runs",
    "save_safetensors": "weights are always saved so",
    "fp16_backend": "there is one",
    "half_precision_backend": "there is one",
    "include_inputs_for_metrics": "no metric looks at inputs",
    "jit_mode_eval": "nothing is compiled that way",
}
"""Flags of run_glue, now or earlier, that change no result here: accepted with a word."""
OPTIONAL_VALUE = {"use_auth_token": "token"}
"""Flags that were switches or took a value, and the argument that takes both today; a bare one says true."""
TRUE, FALSE = ("true", "1", "yes", "y", "t"), ("false", "0", "no", "n", "f")


def current_words(words: list[str], known: Collection[str]) -> list[str]:
    """Return a command line in today's spelling; ``known`` are the arguments that there are."""
    kept: list[str] = []
    appended: list[str] = []
    flag, position = "", 0
    while position < len(words):
        word, position = words[position], position + 1
        if not word.startswith("--"):
            if not flag:
                kept.append(word)
            continue
        given, equals, value = word[2:].partition("=")
        name = given.replace("-", "_")
        flag = ""
        if name.removeprefix("no_") in IGNORED:
            flag = name
            _say_ignored(name)
        elif name.removeprefix("no_") in SWITCHES and name.removeprefix("no_") not in known:
            if not equals and position < len(words) and words[position].lower() in (*TRUE, *FALSE):
                value, position = words[position], position + 1
            if not name.startswith("no_") and value.lower() not in FALSE:
                argument, meant = SWITCHES[name]
                appended += [f"--{argument}", meant]
        elif name in OPTIONAL_VALUE:
            if not equals and position < len(words) and not words[position].startswith("--"):
                value, position = words[position], position + 1
            kept.append(f"--{OPTIONAL_VALUE[name]}={value or 'true'}")
        else:
            kept.append(f"--{OLDER_SPELLINGS.get(name, name)}{equals}{value}")
    return kept + appended


def current_names(data: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the arguments of a JSON file under today's names; ``"no_calibrate": true`` is calibrate: false.

    A name that is not ``known``, in no spelling, stays as it is.
    """
    current: dict[str, Any] = {}
    switched: dict[str, Any] = {}
    for given, value in data.items():
        name = OPTIONAL_VALUE.get(given, OLDER_SPELLINGS.get(given, given))
        if name in IGNORED:
            _say_ignored(name)
        elif name in SWITCHES and name not in known:
            if str(value).lower() in TRUE:
                switched |= [SWITCHES[name]]
        elif name not in known and name.removeprefix("no_") in known and isinstance(value, bool):
            current[name.removeprefix("no_")] = not value
        else:
            current[name] = str(value).lower() if given in OPTIONAL_VALUE and isinstance(value, bool) else value
    return current | switched


def _say_ignored(name: str) -> None:
    say(f"--{name} is ignored: {IGNORED[name.removeprefix('no_')]}")
