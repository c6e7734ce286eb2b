"""ONNX files that other exporters wrote, converted: the spiking network's accuracy beside that of the file's origin.

All are trained on scikit-learn's 8×8 digits and judged on 360 that nothing saw. torch writes a residual network by both
of its exporters, skl2onnx a pipeline of scikit-learn; the file of Keras was written by tf2onnx
(``python/tests/interop/brought/keras_file.py``), and Keras's own answers lie beside it.
"""
