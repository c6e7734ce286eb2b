import json

import numpy as np
import pytest
from spikeport_data import data_path

from spikeport.roberta.errors import RobertaError
from spikeport.roberta.evaluation.tasks import TASKS, compute_metrics, get_task
from spikeport.roberta.glue.data import find_files, read_examples

SST2, MRPC, COLA, MNLI, STSB = (TASKS[name] for name in ("sst2", "mrpc", "cola", "mnli", "stsb"))


@pytest.mark.parametrize(
    "name, text",
    [
        ("a.tsv", 'sentence\tlabel\nit\'s "good"\t1\nflat, cold\t0\n'),
        ("a.csv", 'label,sentence\n1,"it\'s ""good"""\n0,"flat, cold"\n'),
        ("a.json", '{"sentence": "it\'s \\"good\\"", "label": 1}\n{"sentence": "flat, cold", "label": 0}\n'),
        ("a.jsonl", '{"text": "it\'s \\"good\\"", "label": "positive"}\n{"text": "flat, cold", "label": "negative"}\n'),
        ("b.json", json.dumps([{"sentence": 'it\'s "good"', "label": 1}, {"sentence": "flat, cold", "label": 0}])),
        ("a.txt", '1 it\'s "good"\n0 flat, cold\n'),
        ("crlf.tsv", '\ufeffsentence\tlabel\r\nit\'s "good"\t1\r\nflat, cold\t0\r\n'),
    ],
)
def test_every_format_gives_the_same_rows(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    rows = read_examples(path, SST2)
    assert rows == [{"sentence": 'it\'s "good"', "label": 1}, {"sentence": "flat, cold", "label": 0}]


def test_cola_has_no_header_and_mnli_calls_its_sentences_otherwise(tmp_path):
    (tmp_path / "cola.tsv").write_text("gj04\t1\t\tThey drank.\ngj04\t0\t*\tThey drank the.\n")
    assert read_examples(tmp_path / "cola.tsv", COLA)[1] == {"sentence": "They drank the.", "label": 0}
    (tmp_path / "mnli.tsv").write_text("sentence1\tsentence2\tgold_label\nA\tB\tcontradiction\n")
    assert read_examples(tmp_path / "mnli.tsv", MNLI) == [{"premise": "A", "hypothesis": "B", "label": 2}]


def test_scores_are_numbers_and_a_missing_label_is_minus_one(tmp_path):
    (tmp_path / "stsb.tsv").write_text("sentence1\tsentence2\tscore\nA\tB\t3.25\n")
    assert read_examples(tmp_path / "stsb.tsv", STSB)[0]["label"] == 3.25
    (tmp_path / "test.tsv").write_text("index\tsentence\n0\tA film\n")
    assert read_examples(tmp_path / "test.tsv", SST2) == [{"sentence": "A film", "label": -1}]
    (tmp_path / "one.tsv").write_text("sentence\nA film\n")
    assert read_examples(tmp_path / "one.tsv", SST2) == [{"sentence": "A film", "label": -1}]


def test_a_sentence_goes_on_behind_a_unicode_line_separator(tmp_path):
    sentence = "a film\u2028that goes\x85on"
    (tmp_path / "a.txt").write_text(f"1 {sentence}\n", encoding="utf-8")
    (tmp_path / "a.json").write_text(json.dumps({"sentence": sentence, "label": 1.0}, ensure_ascii=False))
    for name in ("a.txt", "a.json"):
        assert read_examples(tmp_path / name, SST2) == [{"sentence": sentence, "label": 1}]


@pytest.mark.parametrize(
    "name, text, task, message",
    [
        ("a.tsv", "sentence\tlabel\nA\t7\n", SST2, "example 1: label '7' is not one of 0"),
        ("a.tsv", "text1\tlabel\nA\t1\n", SST2, "needs column 'sentence', not text1, label"),
        ("a.txt", "1 A film\nword\n", SST2, "line 2: 'word' is not 'label text'"),
        ("a.txt", "1 A film\n", MRPC, "mrpc needs sentence1 and sentence2"),
        ("a.json", "[1, 2]", SST2, "no objects"),
        ("a.json", "{", SST2, "is not JSON"),
        ("a.csv", "", SST2, "holds no example"),
        ("a.json", '{"sentence": "A", "label": 0.7}', SST2, "label 0.7 is not one of 0"),
        ("a.json", '{"sentence": "A", "label": [1]}', SST2, "is not one of 0"),
        ("stsb.tsv", "sentence1\tsentence2\tscore\nA\tB\tnan\n", STSB, "label 'nan' is not one of a number"),
        ("stsb.tsv", "sentence1\tsentence2\tscore\nA\tB\thigh\n", STSB, "label 'high' is not one of a number"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, text, task, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(RobertaError, match=message):
        read_examples(tmp_path / name, task)


def test_a_glue_folder_gives_its_splits_and_another_folder_says_what_it_holds(tmp_path):
    for name in ("train.tsv", "dev_matched.tsv", "dev_mismatched.tsv", "test_matched.tsv"):
        (tmp_path / name).write_text("")
    assert set(find_files(tmp_path)) == {"train", "validation", "validation_mismatched", "test"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other/notes.md").write_text("")
    with pytest.raises(RobertaError, match=r"holds notes.md: expected train.tsv"):
        find_files(tmp_path / "other")
    with pytest.raises(RobertaError, match="is not a folder"):
        find_files(tmp_path / "nowhere")


def test_the_treebank_and_the_paraphrase_corpus_are_read_whole():
    assert len(read_examples(data_path("sst2") / "stsa.binary.test", SST2)) == 1821
    rows = read_examples(data_path("mrpc") / "msr_paraphrase_train.txt", MRPC)
    assert len(rows) == 4076
    assert rows[0]["label"] == 1
    assert rows[0]["sentence1"].startswith('Amrozi accused his brother, whom he called "the witness",')
    assert find_files(data_path("sst2"))["validation"].name == "stsa.binary.dev"


def test_metrics_are_those_of_glue():
    logits = np.array([[2.0, 1.0], [0.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    labels = np.array([0, 1, 0, 0])
    figures = compute_metrics(MRPC, logits, labels)
    assert figures == pytest.approx({"accuracy": 0.75, "f1": 2 / 3, "combined_score": (0.75 + 2 / 3) / 2})
    assert compute_metrics(COLA, logits, labels) == pytest.approx({"matthews_correlation": 1 / np.sqrt(3)})
    scores = compute_metrics(STSB, np.array([[1.0], [2.0], [4.0]]), np.array([1.0, 2.0, 3.0]))
    assert scores["spearmanr"] == pytest.approx(1.0)
    assert scores["pearson"] == pytest.approx(np.corrcoef([1, 2, 4], [1, 2, 3])[0, 1])
    assert compute_metrics(STSB, np.ones((3, 1)), np.array([1.0, 2.0, 3.0]))["pearson"] == 0.0


def test_a_task_has_any_spelling_and_an_unknown_one_names_the_nearest():
    assert get_task("STS-B") is STSB
    with pytest.raises(RobertaError, match="did you mean 'mrpc'"):
        get_task("mrcp")
    with pytest.raises(RobertaError, match="one label per sample"):
        compute_metrics(SST2, np.zeros((2, 2)), np.zeros(3))
