import io
import json

import numpy as np
import pytest
from browser import open_page
from rich.console import Console

from spikeport.certificate import Certificate
from spikeport.roberta import SpikingEvaluation
from spikeport.roberta.evaluation.evaluation_report import evaluation_table, save_evaluation


@pytest.fixture
def evaluation():
    """A function (**changes of the figures) -> an evaluation of 40 sentences over three steps."""

    def build(**changes):
        figures = {
            "task": "mrpc",
            "samples": 40,
            "timesteps": 3,
            "metrics": {"accuracy": 0.75, "f1": 0.8},
            "quantised_metrics": {"accuracy": 0.75, "f1": 0.8},
            "per_timestep": [{"accuracy": a, "f1": a + 0.05} for a in (0.5, 0.7, 0.75)],
            "agreement": {
                "predictions": 1.0,
                "largest_difference": 2e-7,
                "tolerance": 1e-4,
                "within_tolerance": 1.0,
                "outside": [],
            },
            "settling": {"mean": 36.25, "most": 43, "unsettled": 0},
            "layers": [
                {
                    "name": "roberta.encoder.layer.0.attention.self.query_quantiser",
                    "spikes": 14392.6,
                    "synaptic_operations": 1e6,
                },
                {"name": "classifier.quantiser", "spikes": 400.0, "synaptic_operations": 800.0},
            ],
            "values": [
                {"name": "roberta.embeddings", "readers": ["a.query"], "every_step": False, "multiply_adds": 768.0}
            ],
            "energy": {
                "quantised_microjoule": 80.4,
                "spiking_microjoule": 77.6,
                "ratio": 0.965,
                "quantised_parts": {"products": 80.4},
                "spiking_parts": {"synaptic operations": 40.0, "neurons": 37.6},
                "tables": [{"costs": "8-bit", "quantised_microjoule": 4.0, "spiking_microjoule": 3.0, "ratio": 0.75}],
                "score": {"name": "combined_score", "quantised": 0.775, "spiking": 0.775},
                "assumptions": "45 nm",
            },
        }
        logits = np.zeros((40, 2))
        return SpikingEvaluation(
            {**figures, **changes}, Certificate("measured", "looked at", samples=40), logits, logits
        )

    return build


def shown(evaluation):
    stream = io.StringIO()
    Console(file=stream, width=160).print(evaluation_table(evaluation))
    return stream.getvalue()


def test_the_page_opens_with_a_curve_and_a_dashed_level_of_each_metric(evaluation, tmp_path):
    paths = save_evaluation(evaluation(), tmp_path)
    page = open_page(paths["report.html"])
    assert page.errors == []
    assert paths["accuracy.svg"].read_text().count("stroke-dasharray: 4,3") == 2
    for words in (
        "Spiking RoBERTa on MRPC",
        "layer.0.attention.self.query",
        "14,393",
        "1,000,000",
        "36.2 on average, 43 at most",
    ):
        assert words in page.dom, words
    assert "did not settle" not in page.dom
    assert json.loads(paths["results.json"].read_text())["certificate"]["level"] == "measured"


def test_sentences_outside_the_tolerance_are_named_the_first_ten(evaluation):
    agreement = evaluation().figures["agreement"] | {"within_tolerance": 0.7, "outside": list(range(3, 15))}
    text = shown(evaluation(agreement=agreement))
    assert "70.00%; not sentence 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …" in text
    assert "100.00%" in shown(evaluation())


def test_sentences_that_did_not_settle_are_counted(evaluation):
    some = {"mean": 36.0, "most": 43, "unsettled": 3}
    assert "36.0 on average, 43 at most; 3 sentences did not settle" in shown(evaluation(settling=some))
    none = {"mean": None, "most": None, "unsettled": 40}
    assert "40 sentences did not settle" in shown(evaluation(settling=none))


def test_an_energy_stands_beside_the_score_that_it_buys(evaluation):
    text = shown(evaluation())
    assert "80.4 µJ, at combined_score 0.7750" in text
    assert "77.6 µJ, at combined_score 0.7750" in text
    assert "0.965" in text
    unlabelled = {**evaluation().figures["energy"], "score": None}
    assert "77.6 µJ " in shown(evaluation(metrics={}, quantised_metrics={}, per_timestep=[], energy=unlabelled))


def test_layers_that_values_enter_at_every_step_are_in_the_table_and_on_the_page(evaluation, tmp_path):
    assert "fed by values" not in shown(evaluation())
    place = "roberta.encoder.layer.0"
    entry = {
        "name": f"{place}.attention.output",
        "readers": [f"{place}.intermediate.dense", f"{place}.output"],
        "every_step": True,
        "multiply_adds": 12345.0,
    }
    some = evaluation(values=[entry])
    assert "2 modules, 12,345 multiply-adds a sentence" in shown(some)
    html = save_evaluation(some, tmp_path)["report.html"].read_text()
    assert "layer.0.intermediate.dense, layer.0.output, at every step" in html
    assert json.loads((tmp_path / "snn_results.json").read_text())["values"] == [entry]


def test_without_labels_there_is_no_plot_and_the_rest_stands(evaluation, tmp_path):
    paths = save_evaluation(evaluation(metrics={}, quantised_metrics={}, per_timestep=[]), tmp_path)
    assert sorted(paths) == ["report.html", "results.json"]
    assert "<svg" not in paths["report.html"].read_text()
