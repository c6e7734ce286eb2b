"""``python -m spikeport``: the command line."""

from spikeport.cli import main

if __name__ == "__main__":
    main()
