"""What the slicing examples are built with: a function for Lambda, and the layer that takes its place and slices the mask too."""

import keras


def slice_steps(x, first):
    """The steps from ``first`` on: ``(batch, time, features)`` to ``(batch, time - first, features)``."""
    return x[:, first:]


class SliceSteps(keras.layers.Layer):
    """``slice_steps`` as a layer that hands its mask on. Unlike ``Lambda(mask=…)`` it survives a ``.keras`` file."""

    def __init__(self, first, **kwargs):
        super().__init__(**kwargs)
        self.first = first
        self.supports_masking = True

    def call(self, x):
        return x[:, self.first :]

    def compute_mask(self, x, mask=None):
        return None if mask is None else mask[:, self.first :]

    def get_config(self):
        return {**super().get_config(), "first": self.first}


CUSTOM_OBJECTS = {"slice_steps": slice_steps, "SliceSteps": SliceSteps}
