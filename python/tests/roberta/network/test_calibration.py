"""Calibration reads a stream once, keeps a bounded sample of it, and is what it was where everything fits."""

import weakref

import pytest
import torch
from torch.utils.data import DataLoader

from spikeport.roberta import RobertaError, calibrate, quantise
from spikeport.roberta.network import calibration
from spikeport.roberta.network.sentences import SentenceSample

TOKENS = 9


@pytest.fixture(scope="module")
def sentences(random_batch):
    """800 sentences of up to 9 tokens, one dictionary each."""
    batch = random_batch(3, batch=800, tokens=TOKENS)
    return [{name: value[i] for name, value in batch.items()} for i in range(800)]


def in_batches(rows, size):
    return [
        {name: torch.stack([row[name] for row in rows[i : i + size]]) for name in rows[0]}
        for i in range(0, len(rows), size)
    ]


def watched(model):
    """Note the tokens of every forward pass of ``model``."""
    seen = []
    model.register_forward_pre_hook(lambda _, __, named: seen.append(named["input_ids"].shape), with_kwargs=True)
    return model, seen


def test_lists_loaders_generators_and_one_batch_give_the_same_scales(random_network, sentences):
    rows = sentences[:24]
    labelled = [{**row, "labels": torch.tensor(0)} for row in rows]
    batches = in_batches(rows, 8)
    found = [
        calibrate(quantise(random_network()), given)
        for given in (
            batches,
            DataLoader(labelled, batch_size=8),
            (batch for batch in batches),
            in_batches(rows, 24)[0],
            DataLoader(labelled, batch_size=5),
        )
    ]
    assert all(scales == found[0] for scales in found[1:])


def test_batches_are_dropped_once_they_are_read(random_network, sentences):
    alive = []

    def stream():
        for start in range(0, len(sentences), 8):
            (batch,) = in_batches(sentences[start : start + 8], 8)
            assert sum(reference() is not None for reference in alive) <= 1, "more than the one in hand is held"
            alive.append(weakref.ref(batch["input_ids"]))
            yield batch

    calibrate(quantise(random_network()), stream())
    assert len(alive) == 100


@pytest.mark.parametrize("size", [1, 7, 100, 800])
def test_however_much_is_given_no_more_is_kept_or_run_than_there_is_room_for(
    random_network, sentences, monkeypatch, size
):
    fit = 50
    monkeypatch.setattr(calibration, "MOST_VALUES", fit * TOKENS * 32)
    model, seen = watched(quantise(random_network()))
    assert calibration.room(model, TOKENS) == fit
    sample = SentenceSample(lambda tokens: calibration.room(model, tokens))
    for batch in in_batches(sentences, size):
        sample.add(batch)
        assert len(sample._kept) <= 2 * fit
        assert len(sample) <= fit
        widest = sum(row[0].untyped_storage().nbytes() // 8 for row in sample._kept)
        assert widest <= 2 * fit * TOKENS, "a sentence holds the batch that it came in"
    calibrate(model, in_batches(sentences, size))
    assert seen[0] == (fit, TOKENS)
    assert all(count < fit for count, _ in seen[1:]), "gradients keep more of a sentence than one activation"
    assert sum(count for count, _ in seen[1:]) == 3 * fit


def test_the_sentences_kept_are_spread_over_all_of_them(sentences):
    numbered = [{"input_ids": torch.full((1, 4), i), "attention_mask": torch.ones(1, 4)} for i in range(1000)]
    sample = SentenceSample(lambda tokens: 30)
    for row in numbered:
        sample.add(row)
    chosen = sample.joined(1)["input_ids"][:, 0]
    gaps = chosen.diff()
    assert (sample.count, len(chosen)) == (1000, 30)
    assert chosen[0] == 0
    assert chosen[-1] >= 900
    assert int(gaps.min()) >= 16
    assert int(gaps.max()) <= 64


def test_a_sample_gives_nearly_the_scales_and_the_answers_of_everything(random_network, sentences, monkeypatch):
    model, batches = random_network(), in_batches(sentences, 8)

    def calibrated():
        quantised = quantise(model)
        with monkeypatch.context() as patch:  # what is tried afterwards lies on a grid, where a hair is a step
            patch.setattr(calibration, "fit_scales_to_logits", lambda *_: None)
            scales = torch.tensor(list(calibrate(quantised, batches).values()))
        calibrate(quantised, batches)
        with torch.no_grad():
            errors = [(quantised(**batch).logits - model(**batch).logits).abs().mean() for batch in batches]
        return scales, sum(errors) / len(errors)

    scales, error = calibrated()
    monkeypatch.setattr(calibration, "MOST_VALUES", 200 * TOKENS * 32)
    sampled, error_of_sampled = calibrated()
    assert not torch.equal(sampled, scales), "it was no sample"
    torch.testing.assert_close(sampled, scales, rtol=0.2, atol=0)
    assert float((sampled / scales).mean()) == pytest.approx(1, abs=0.03)
    assert error_of_sampled <= 1.2 * error


def test_one_long_sentence_takes_its_room(random_network, sentences, monkeypatch):
    monkeypatch.setattr(calibration, "MOST_VALUES", 50 * TOKENS * 32)
    long = {"input_ids": torch.full((1, 20), 7), "attention_mask": torch.ones(1, 20, dtype=torch.long)}
    model, seen = watched(quantise(random_network()))
    calibrate(model, [long, *in_batches(sentences, 8)])
    assert seen[0] == (50 * TOKENS * 32 // (20 * 2 * 20), 20)


def test_padding_makes_no_sentence_longer(random_network, sentences):
    padded = [
        {
            name: torch.nn.functional.pad(value, (0, 11), value=1 - index)
            for index, (name, value) in enumerate(b.items())
        }
        for b in in_batches(sentences[:16], 8)
    ]
    model, seen = watched(quantise(random_network()))
    scales = calibrate(model, padded)
    assert seen[0] == (16, TOKENS)
    assert all(tokens <= TOKENS for _, tokens in seen)
    assert scales == calibrate(quantise(random_network()), in_batches(sentences[:16], 8))


@pytest.mark.parametrize(
    "batch, message",
    [
        ([[0, 7, 2]], "not a list"),
        ((torch.zeros(2, 3), torch.ones(2, 3)), "not a tuple"),
        ({"input_ids": torch.zeros(2, 3)}, "input_ids and attention_mask.*, not input_ids"),
        ({"input_ids": [[0, 7]], "attention_mask": [[1, 1]]}, r"input_ids must be .* not list"),
        ({"input_ids": torch.zeros(3), "attention_mask": torch.ones(3)}, r"input_ids must be .* not \(3,\)"),
        ({"input_ids": torch.zeros(2, 0), "attention_mask": torch.ones(2, 0)}, r"not \(2, 0\)"),
        (
            {"input_ids": torch.zeros(2, 3), "attention_mask": torch.ones(2, 4)},
            r"attention_mask must be .* like its input_ids, not \(2, 4\)",
        ),
    ],
)
def test_what_is_no_batch_is_refused_with_what_it_is(random_network, batch, message):
    with pytest.raises(RobertaError, match=message) as caught:
        calibrate(quantise(random_network()), [batch])
    assert caught.value.code == "samples"
