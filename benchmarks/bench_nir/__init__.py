"""NIR graphs that we write, run by other tools, and those that they write, run here: with whose answers.

A network of 64→128→10 digits, a convolutional one and a residual one (the public ResNet-20 for CIFAR-10) are converted
and written three times each: the soft reset as a circle, the same in the plain form, and with a hard reset to 0, which
is NIR's own. ``SPIKEPORT_PEERS`` names the interpreter that has the tools (`.venv-peers/bin/python` by default). One of
them holds that environment at a nir that reads no ``v_reset``, so all run with another one, from ``build/nir``, and one
brings an environment of its own, ``build/spyx``::

    pip install --no-deps --target build/nir nir==1.0.7 nirtorch==2.6
    pip install --target build/spyx spyx==1.0.0
"""
