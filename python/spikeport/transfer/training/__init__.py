"""Transfer that trains: a checkpoint and labelled samples -> the checkpoint, fine-tuned phase by phase.

Each file knows those named before it: `samples` (what is learnt from, checked, and held out), `phases` (who learns
when, and how fast), `settings` (how it is trained), `history` (what happened), `learning` (the loop, in torch) and
`finetuning` (the door).
"""
