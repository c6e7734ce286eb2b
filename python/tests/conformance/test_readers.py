"""Every language reads a pair that another process keeps replacing: one checkpoint or the other, whole."""

import itertools
import multiprocessing
import time

import numpy as np

from conformance.languages import converse
from conformance.lines import decode_reply, encode_line
from spikeport.transfer import SNNCheckpoint, save_checkpoint


def save_in_turn(path):
    """Save a small and a large network in turn, no two saves alike, as a training's are."""
    for number in itertools.count():
        name, n_in, n_out = ("small", 3, 4) if number % 2 else ("large", 30, 40)
        weights = np.full((n_out, n_in), number, dtype=np.float64)
        save_checkpoint(SNNCheckpoint([weights], [name], [(n_in, n_out)], ["IF"]), path)
        time.sleep(0.002)


def test_no_language_sees_a_torn_pair(language, tmp_path):
    path = tmp_path / "pair"
    save_checkpoint(SNNCheckpoint([np.ones((4, 3))], ["small"], [(3, 4)], ["IF"]), path)
    lines = [encode_line(number, "checkpoint.read", {"path": str(path)}) for number in range(1000)]
    writer = multiprocessing.get_context("spawn").Process(target=save_in_turn, args=(str(path),), daemon=True)
    writer.start()
    try:
        replies, end = converse(language, lines, tmp_path, timeout=300)
    finally:
        writer.kill()
        writer.join()
    assert end == ""
    read = [decode_reply(reply, number) for number, reply in enumerate(replies)]
    assert [words for words in read if words.get("names") not in (["small"], ["large"])] == []
