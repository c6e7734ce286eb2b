"""Writes the file that stands for Keras in the tests, and what Keras itself answers.

    pip install keras tensorflow-cpu tf2onnx
    python python/tests/interop/brought/keras_file.py

trains a small convolutional network on scikit-learn's digits, with TensorFlow behind Keras, exports it by tf2onnx as
``keras_digits.onnx`` and writes its probabilities for the test digits beside it, ``keras_digits.npy``. TensorFlow is
too large for the environment of the tests, so the two files are kept.
"""

import os
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("keras_digits.onnx")
PROBABILITIES = Path(__file__).with_name("keras_digits.npy")


def main():
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras
    import tensorflow
    import tf2onnx
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    keras.utils.set_random_seed(0)
    digits = load_digits()
    x = (digits.images[..., None] / 16).astype(np.float32)
    x_train, x_test, y_train, y_test = train_test_split(x, digits.target, test_size=0.2, random_state=7)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(),
            layers.Conv2D(16, 3, padding="same", activation="relu"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=30, batch_size=64, verbose=0)
    print("Keras is right on", float((model.predict(x_test, verbose=0).argmax(1) == y_test).mean()))
    np.save(PROBABILITIES, model.predict(x_test, verbose=0))
    run = tensorflow.function(lambda images: model(images, training=False))
    images = tensorflow.TensorSpec((None, 8, 8, 1), tensorflow.float32, name="images")
    tf2onnx.convert.from_function(run, [images], output_path=str(FILE))


if __name__ == "__main__":
    main()
