"""Small networks and sentences that the tests of this room share; nothing here needs a file or the hub."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from hypothesis import settings
from transformers import RobertaConfig, RobertaForSequenceClassification
from transformers.utils import logging

logging.disable_progress_bar()
settings.register_profile("roberta", deadline=None, max_examples=50)  # torch's first calls are slow
settings.load_profile("roberta")

GOOD, BAD = ("good", "great", "warm", "bright", "moving"), ("bad", "dull", "cold", "flat", "boring")
REST = ("the", "film", "is", "a", "story", "and", "plot", "with", "acting", "very", ",", ".")


@pytest.fixture(scope="session")
def random_network():
    """A function (**changes of the config) -> an untrained RoBERTa in float64 whose weights spread its activations."""

    def build(seed=0, **changes):
        sizes = {
            "vocab_size": 60,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 24,
            "type_vocab_size": 1,
            "layer_norm_eps": 1e-5,
            "hidden_act": "relu",
        }
        torch.manual_seed(seed)
        model = RobertaForSequenceClassification(RobertaConfig(**{**sizes, **changes})).double().eval()
        with torch.no_grad():
            for name, value in model.named_parameters():
                if "LayerNorm" not in name:
                    value.copy_(torch.randn_like(value) * (0.3 if value.dim() > 1 else 0.2))
        return model

    return build


@pytest.fixture(scope="session")
def random_batch():
    """A function (seed, batch, tokens) -> input_ids and attention_mask, sentences of different lengths."""

    def build(seed=0, batch=4, tokens=9):
        generator = torch.Generator().manual_seed(seed)
        ids = torch.randint(5, 60, (batch, tokens), generator=generator)
        lengths = torch.randint(3, tokens + 1, (batch,), generator=generator)
        lengths[0] = tokens
        mask = (torch.arange(tokens) < lengths[:, None]).long()
        ids = torch.where(mask == 1, ids, 1)
        ids[:, 0] = 0
        return {"input_ids": ids, "attention_mask": mask}

    return build


@pytest.fixture(scope="session")
def sentences(tmp_path_factory):
    """A folder with train, dev and test files of made-up reviews, in the ``label text`` format."""
    import random

    folder = tmp_path_factory.mktemp("sentences")
    draw = random.Random(0)
    for split, count in (("train", 160), ("dev", 40), ("test", 24)):
        lines = []
        for _ in range(count):
            label = draw.randrange(2)
            words = [*draw.choices(REST, k=draw.randint(2, 9)), draw.choice(GOOD if label else BAD)]
            draw.shuffle(words)
            lines.append(f"{label} {' '.join(words)}")
        (folder / f"{split}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.fixture(scope="session")
def tiny_model(sentences, tmp_path_factory):
    """The folder of a ReLU RoBERTa that the recipe trained on ``sentences`` in seconds."""
    from spikeport.roberta import Recipe, train_relu_roberta

    folder = tmp_path_factory.mktemp("tiny") / "relu"
    recipe = Recipe(
        vocabulary=300,
        hidden=32,
        heads=2,
        intermediate=64,
        dropout=0.1,
        token_dropout=0.0,
        max_length=32,
        epochs=12,
        batch=16,
        learning_rate=3e-3,
    )
    train_relu_roberta(sentences / "train.txt", folder, recipe=recipe)
    return folder
