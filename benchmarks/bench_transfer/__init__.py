"""Transfer: how fast checkpoints are, and what a pretrained network is worth where labels are few."""
