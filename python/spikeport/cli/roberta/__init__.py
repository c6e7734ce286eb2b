"""The commands for RoBERTa."""

from spikeport.cli.roberta import glue, glue_suite, relu_roberta

__all__ = ["glue", "glue_suite", "relu_roberta"]
