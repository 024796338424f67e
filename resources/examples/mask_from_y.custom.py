"""Losses that make their mask from the target: steps whose target is ``[0, 0, 1]`` do not count."""

from keras import ops


def _errors_and_mask(y_true, y_pred):
    counts = ops.logical_not(ops.all(ops.equal(y_true, ops.convert_to_tensor([0.0, 0.0, 1.0])), axis=-1))
    return ops.mean(ops.abs(y_true - y_pred), axis=-1), ops.cast(counts, y_pred.dtype)


def mae_without_marked(y_true, y_pred):
    """One number for the whole batch: the mean over the steps that count."""
    errors, counts = _errors_and_mask(y_true, y_pred)
    return ops.sum(errors * counts) / ops.sum(counts)


def mae_marked_as_zero(y_true, y_pred):
    """One number for each step, 0 where the target is marked. Keras then divides by the steps of its own mask."""
    errors, counts = _errors_and_mask(y_true, y_pred)
    return errors * counts


CUSTOM_OBJECTS = {"mae_without_marked": mae_without_marked, "mae_marked_as_zero": mae_marked_as_zero}
