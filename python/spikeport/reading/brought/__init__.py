"""Networks that other software keeps in forms of its own, each read as a torch module: ONNX files, scikit-learn's
multilayer perceptrons, folders as Hugging Face writes them.

`spikeport.reading.brought.door` takes any of them; what they need is imported where one is at hand.
"""
