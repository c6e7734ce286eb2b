import copy

import pytest
from transformers import RobertaConfig

from spikeport.roberta import RobertaError, Transform, explain

DOCUMENTED = r"""
quantization_config:
  by: regex
  'roberta\.encoder\.layer\.\d+\.attention\.self':
    config:
      name: lsqinteger
      level: 32
  'roberta\.encoder\.layer\.\d+\.attention\.output':
    config:
      name: lsqinteger
      level: 32
  'roberta\.encoder\.layer\.\d+\.output':
    config:
      name: lsqinteger
      level: 32
  'roberta\.encoder\.layer\.\d+\.intermediate':
    config:
      name: lsqinteger
      level: 32
  classifier:
    config:
      name: lsqinteger
      level: 32
snn_transformer_config_attn:
  by: regex
  'roberta\.encoder\.layer\.\d+\.attention\.self':
    config:
      name: zip_tf
      level: 32
      neuron_type: ST-BIF
snn_transformer_config_fc:
  by: type
  embedding:
    config:
      name: zip_tf
  layernorm:
    config:
      name: zip_tf
  linear:
    config:
      name: unfold_bias
      level: 32
      neuron_type: ST-BIF
  relu:
    manual_instantiate: true
    config:
      name: identity
  lsqinteger:
    manual_instantiate: true
    config:
      name: st_bif
"""

SELF = r"roberta\.encoder\.layer\.\d+\.attention\.self"


@pytest.fixture
def config():
    return RobertaConfig(
        vocab_size=50,
        hidden_size=8,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        hidden_act="relu",
    )


def test_the_shipped_default_is_the_documented_configuration(tmp_path):
    (tmp_path / "transform.yaml").write_text(DOCUMENTED)
    assert Transform.from_yaml(tmp_path / "transform.yaml") == Transform.default()


def test_a_transform_survives_its_dictionary_form():
    transform = Transform.default(16)
    assert Transform.from_dict(transform.to_dict()) == transform
    assert {rule.level for rule in transform.quantisation} == {16}


@pytest.mark.parametrize(
    "path, value, message",
    [
        (("quantisation_config",), {}, "did you mean 'quantization_config'"),
        (("quantization_config", "by"), "type", "'by' must be 'regex'"),
        (("quantization_config", SELF, "config", "name"), "lsq_integer", "did you mean 'lsqinteger'"),
        (("quantization_config", SELF, "config", "levels"), 32, "did you mean 'level'"),
        (("quantization_config", SELF, "config", "level"), 1, "at least 4"),
        (("quantization_config", SELF, "config", "level"), "32", "whole number"),
        (("quantization_config", SELF, "config"), None, "expected 'config:'"),
        (("quantization_config", SELF, "cfg"), {}, "did you mean 'config'"),
        (("quantization_config", "(unclosed"), {"config": {"name": "lsqinteger"}}, "not a regular expression"),
        (("snn_transformer_config_attn", SELF, "config", "name"), "ziptf", "did you mean 'zip_tf'"),
        (("snn_transformer_config_attn", SELF, "config", "neuron_type"), "STBIF", "did you mean 'ST-BIF'"),
        (("snn_transformer_config_fc", "layer_norm"), {"config": {"name": "zip_tf"}}, "did you mean 'layernorm'"),
        (("snn_transformer_config_fc", "conv2d"), {"config": {"name": "zip_tf"}}, "expected embedding"),
        (("snn_transformer_config_fc", "linear", "config", "name"), "zip_tf", "expected unfold_bias"),
        (("snn_transformer_config_fc", "linear", "config", "level"), 0, "at least 1"),
        (("snn_transformer_config_fc", "relu", "manual_instantiate"), "yes", "true or false"),
        (("snn_transformer_config_fc",), ["linear"], "must be a mapping"),
    ],
)
def test_a_wrong_word_is_refused_and_the_right_one_named(path, value, message):
    data = copy.deepcopy(Transform.default().to_dict())
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(RobertaError, match=message):
        Transform.from_dict(data)


def test_a_key_given_twice_is_refused(tmp_path):
    text = DOCUMENTED.replace("  layernorm:", "  embedding:")
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(RobertaError, match="'embedding' is given twice"):
        Transform.from_yaml(tmp_path / "t.yaml")


@pytest.mark.parametrize("text, message", [("a: [", "is not YAML"), ("- a", "is a mapping"), ("", "is a mapping")])
def test_a_file_that_is_no_transform_is_refused(tmp_path, text, message):
    (tmp_path / "t.yaml").write_text(text)
    with pytest.raises(RobertaError, match=message):
        Transform.from_yaml(tmp_path / "t.yaml")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RobertaError, match="nowhere"):
        Transform.from_yaml(tmp_path / "nowhere.yaml")


def changed(section, old, new):
    data = Transform.default().to_dict()
    data[section] = {new if key == old else key: value for key, value in data[section].items()}
    return Transform.from_dict(data)


def test_a_pattern_that_matches_nothing_names_the_nearest_module(config):
    wrong = changed("quantization_config", SELF, r"roberta\.encoder\.layers\.\d+\.attention\.self")
    with pytest.raises(RobertaError, match=r"matches no module; the nearest module is 'roberta.encoder.layer.0"):
        explain(config, wrong)


def test_two_patterns_for_one_module_are_refused(config):
    both = changed("quantization_config", "classifier", r"roberta\.encoder\.layer\.0\.attention\.self")
    with pytest.raises(RobertaError, match=r"both match 'roberta.encoder.layer.0.attention.self'"):
        explain(config, both)


def test_a_module_that_cannot_be_quantised_is_named_with_those_that_can(config):
    wrong = changed("quantization_config", "classifier", r"roberta\.embeddings")
    with pytest.raises(RobertaError, match=r"'roberta.embeddings' is a RobertaEmbeddings, and lsqinteger takes"):
        explain(config, wrong)


def test_spiking_attention_needs_quantised_attention(config):
    data = Transform.default().to_dict()
    del data["quantization_config"][SELF]
    with pytest.raises(RobertaError, match="name it in quantization_config too"):
        explain(config, Transform.from_dict(data))


def test_attention_that_would_not_spike_is_refused(config):
    only_first = changed("snn_transformer_config_attn", SELF, r"roberta\.encoder\.layer\.0\.attention\.self")
    with pytest.raises(RobertaError, match="attention of layer 1 stays"):
        explain(config, only_first)


@pytest.mark.parametrize("kind", ["embedding", "layernorm", "linear", "relu", "lsqinteger"])
def test_a_type_without_an_entry_is_refused_and_not_left_unconverted(config, kind):
    data = Transform.default().to_dict()
    del data["snn_transformer_config_fc"][kind]
    with pytest.raises(RobertaError, match=f"no entry for type '{kind}'"):
        explain(config, Transform.from_dict(data))


def test_explain_says_what_every_module_becomes(config):
    rows = {row.name: row for row in explain(config)}
    layer = "roberta.encoder.layer.1"
    assert rows["roberta.embeddings.word_embeddings"].spiking == "ZipTFEmbedding"
    assert rows["roberta.embeddings.LayerNorm"].spiking == "ZipTFLayerNorm"
    attention = rows[f"{layer}.attention.self"]
    assert (attention.original, attention.quantised, attention.spiking) == (
        "RobertaSelfAttention",
        "QuantisedSelfAttention",
        "ZipTFSelfAttention",
    )
    assert rows[f"{layer}.attention.self.probability_quantiser"].quantised == "LSQInteger [0, 31]"
    assert rows[f"{layer}.attention.self.context_quantiser"].quantised == "LSQInteger [-16, 15]"
    assert rows["classifier.quantiser"].quantised == "LSQInteger [-16, 15]"
    assert rows["classifier.activation"].spiking == "TanhDifference"
    assert rows[f"{layer}.intermediate.intermediate_act_fn"].spiking == "IdentityActivation"
    assert rows[f"{layer}.intermediate.quantiser"].spiking == "STBIF [0, 31]"
    assert rows[f"{layer}.output.dense"].spiking == "UnfoldBiasLinear, level 32"
    unspiked = [
        row.name for row in rows.values() if row.spiking in ("Linear", "LayerNorm", "ReLU", "Embedding", "Tanh")
    ]
    assert unspiked == []
