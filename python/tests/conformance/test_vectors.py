"""The vectors are what the reference makes, have the shape they promise, and cover what they say."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from conformance import generate
from conformance.cases import FILES, KERNELS, VECTORS, load_cases, vector_path
from conformance.generate import checkpoint as checkpoint_cases
from conformance.generate import worked
from conformance.lines import encode_line
from spikeport.kernels import encode_poisson, sample_keys
from spikeport.transfer import CODES

ROOT = Path(__file__).resolve().parents[3]


def test_the_committed_vectors_are_what_the_reference_makes():
    for path, text in generate.texts(generate.all_cases()).items():
        assert (VECTORS / path).read_text("utf-8") == text, (
            f"{path}: run python -m conformance --generate and read the diff"
        )


def test_the_committed_files_are_what_the_generator_makes(tmp_path):
    checkpoint_cases.write_files(tmp_path / "files")
    made = {
        p.relative_to(tmp_path / "files"): p for p in (tmp_path / "files").rglob("*") if p.is_file() or p.is_symlink()
    }
    kept = {p.relative_to(FILES): p for p in FILES.rglob("*") if p.is_file() or p.is_symlink()}
    assert set(made) == set(kept)
    for name, path in made.items():
        if path.is_symlink():
            assert path.readlink() == kept[name].readlink()
        else:
            assert path.read_bytes() == kept[name].read_bytes(), name


@pytest.mark.parametrize("kernel", KERNELS)
def test_a_vector_file_has_its_schema(kernel):
    schema = json.loads((ROOT / "conformance" / "schema" / "vector.schema.json").read_text("utf-8"))
    content = json.loads(vector_path(kernel).read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(content)
    assert content["kernel"] == kernel
    assert {flag for case in content["cases"] for flag in case["flags"]} == set(content["notes"])


def test_there_are_hundreds_of_cases_with_names_of_their_own():
    cases = list(load_cases())
    assert len(cases) >= 400
    assert len({case.id for case in cases}) == len(cases)
    assert all(case.id.startswith(case.kernel) for case in cases)


def test_every_code_of_a_checkpoint_error_has_a_case():
    codes = {case.expected["error"] for case in load_cases(("checkpoint.reject",))}
    assert codes == set(CODES)


def test_the_specification_names_every_kernel_and_code():
    text = (ROOT / "conformance" / "SPEC.md").read_text("utf-8")
    codes = {case.expected["error"] for case in load_cases() if "error" in case.expected}
    assert [name for name in [*KERNELS, *codes] if f"`{name}`" not in text] == []


def test_no_case_gives_what_the_specification_says_that_none_gives():
    """Whole numbers are whole, shapes have the axes of their kernel, and no text is half a character."""
    axes = {"if.multistep": 2, "st_bif.multistep": 2, "layer.forward": 3, "encode.poisson": 2}
    whole = ("shape", "size", "sizes", "timesteps", "seed", "samples", "tracer_min", "tracer_max", "until_index", "all")
    for case in load_cases():
        for key, value in case.arguments.items():
            if key in whole:
                assert all(type(n) is int for n in (value if isinstance(value, list) else [value])), case.id
        shape, size = case.arguments.get("shape"), case.arguments.get("size", [0, 0])
        if shape is not None:
            spikes = case.arguments.get("encoding") == "spikes"
            images = 2 if case.kernel == "network.run" else 0
            least = axes.get(case.kernel, 3 if spikes else 2)
            assert least <= len(shape) <= least + images and min(shape) >= 0, case.id
        assert len(size) == 2 and min(size) >= 0, case.id
        for key in case.arguments:
            if case.kernel == "operation.currents" and (key.startswith("shape.") or key == "weight_shape"):
                assert 2 <= len(case.arguments[key]) <= 6 and min(case.arguments[key]) >= 0, case.id
        assert encode_line(0, case.kernel, case.arguments).isascii(), case.id


def test_the_worked_examples_of_the_specification_are_what_the_code_gives():
    text = (ROOT / "conformance" / "SPEC.md").read_text("utf-8")
    assert [example for example in worked.texts() if example not in text] == []
    rates = np.array([[0.5, 0.25]])
    (key,) = sample_keys(rates)
    assert f"= {key}\n" in worked.poisson()
    drawn = [int(line[-1]) for line in worked.poisson().splitlines() if "spike" in line]
    assert drawn == encode_poisson(rates, timesteps=2, seed=1).ravel().tolist()


def test_the_specification_is_wrapped():
    text = (ROOT / "conformance" / "SPEC.md").read_text("utf-8")
    assert [number for number, line in enumerate(text.splitlines(), 1) if len(line) > 120] == []
