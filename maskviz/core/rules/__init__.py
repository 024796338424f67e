"""The rules, in the order in which they are asked. Each looks at frozen facts and says what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from maskviz.core.facts import Facts
from maskviz.core.finding import Finding
from maskviz.core.rules import attention, losses, lost, merging, recurrent, sources


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to the facts, and in one line why it is asked."""

    find: Callable[[Facts], Iterable[Finding]]
    why: str


RULES: tuple[Rule, ...] = (
    # where masks begin
    Rule(sources.masking_finds_nothing, "a Masking layer that never matches masks nothing, and says nothing"),
    Rule(sources.real_steps_masked, "0 as a word, or a measurement equal to mask_value, is thrown away with the padding"),
    Rule(sources.padding_kept, "a mask that keeps padding is worse than none: all looks well"),
    Rule(sources.no_mask_at_all, "padding that nothing masks is data to every layer"),
    # where masks are lost on the way
    Rule(lost.lambda_drops_mask, "a Lambda lets no mask through"),
    Rule(lost.operation_drops_mask, "operators and keras.ops lose masks without a warning"),
    Rule(lost.custom_layer_drops_mask, "layers of one's own pass masks on only when told to"),
    Rule(lost.convolution, "windows over time read padding at the edge, and nothing after them is masked"),
    Rule(lost.layer_drops_mask, "Reshape and its kind do not support masking"),
    Rule(merging.merge_loses_mask, "one input without a mask takes the mask from all"),
    Rule(merging.merge_mixes_masks, "masks are OR-ed, so one input's padding joins the other's real steps"),
    Rule(attention.attention_strips_mask, "MultiHeadAttention wipes the mask off its own inputs, in place"),
    Rule(attention.softmax_masks_classes, "the Softmax layer takes a mask of steps for one of classes"),
    Rule(attention.attention_mask_alone, "an attention_mask does not reach the loss"),
    Rule(recurrent.initial_state_hides_mask, "a decoder started from a state never gets its mask"),
    Rule(recurrent.decoder_without_mask, "a sequence made from a vector has no mask"),
    Rule(recurrent.reversed_output, "go_backwards turns the steps round and not the mask"),
    Rule(recurrent.cudnn_needs_right_padding, "cuDNN takes right padding only"),
    Rule(recurrent.carried_state_not_put_out, "a stateful layer puts out 0 before the first real step"),
    # what the loss makes of it
    Rule(losses.weights_taken_per_step, "weights of (B,) are taken per timestep where B equals T"),
    Rule(losses.weighted_mean_too_big, "mean_with_sample_weight divides by weights before they are broadcast"),
    Rule(losses.mask_of_another_rank, "masks and losses of different rank fit by accident only"),
    Rule(losses.nan_in_padded_targets, "a mask does not silence NaN"),
    Rule(losses.targets_shorter_than_mask, "the mask comes from the prediction, never from y"),
    Rule(losses.weights_equal_to_mask, "weights that leave steps out do not change the divisor"),
    Rule(losses.divided_by_kept, "versions of Keras divide a masked loss differently"),
    Rule(losses.predict_has_no_mask, "arrays carry no mask"),
)
