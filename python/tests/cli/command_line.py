"""A command line, run in this process."""

import pytest

from spikeport import cli


def spikeport(capsys, line):
    """Run a command line in this process; return its exit code, standard output and standard error."""
    with pytest.raises(SystemExit) as left:
        cli.main(line.split())
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err
