"""The rules, in the order in which they are asked. Each looks at frozen facts and says what is wrong, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from maskviz.core.facts import Facts
from maskviz.core.finding import Finding
from maskviz.core.rules import (
    attention,
    divisors,
    lost,
    masking,
    merging,
    nan_made,
    not_finite,
    probed,
    reading,
    recurrent,
    results,
    shapes,
    sources,
    targets,
    wrappers,
)


@dataclass(frozen=True, slots=True)
class Rule:
    """One question to the facts, and in one line why it is asked. The ids of what it finds stand in its docstring."""

    find: Callable[[Facts], Iterable[Finding]]
    why: str


RULES: tuple[Rule, ...] = (
    # where masks begin
    Rule(masking.masking_masks_nothing, "a Masking layer that never matches masks nothing, and says nothing"),
    Rule(masking.second_mask, "a Masking layer behind a mask replaces it by what values say"),
    Rule(sources.real_steps_masked, "0 as a word, or a measurement equal to mask_value, is thrown away with the padding"),
    Rule(sources.padding_kept, "a mask that keeps padding is worse than none: all looks well"),
    Rule(sources.runs_of_another_value, "padding with another value than the network looks for goes unnoticed"),
    Rule(sources.no_mask_at_all, "padding that nothing masks is data to every layer"),
    # where masks are lost on the way
    Rule(lost.lambda_drops_mask, "a Lambda lets no mask through"),
    Rule(lost.operation_drops_mask, "operators and keras.ops lose masks without a warning"),
    Rule(lost.code_drops_mask, "so does arithmetic between the layers of a subclassed network"),
    Rule(lost.custom_layer_drops_mask, "layers of one's own pass masks on only when told to"),
    Rule(lost.layer_drops_mask, "Reshape and its kind do not support masking"),
    Rule(lost.window_over_time, "windows over time read padding at the edge, and nothing after them is masked"),
    Rule(merging.merge_loses_mask, "one input without a mask takes the mask from all"),
    Rule(attention.attention_strips_mask, "MultiHeadAttention wipes the mask off its own inputs, in place"),
    Rule(attention.attention_mask_alone, "an attention_mask does not reach the loss"),
    Rule(recurrent.decoder_without_mask, "a sequence made from a vector has no mask"),
    Rule(wrappers.wrapper_hides_mask, "a mask made inside TimeDistributed stays inside"),
    Rule(wrappers.stale_mask, "a mask of three axes on an output of two steps fits nothing"),
    # where padding is read in spite of masks
    Rule(recurrent.initial_state_hides_mask, "a decoder started from a state never gets its mask"),
    Rule(merging.merge_mixes_masks, "masks are OR-ed, so one input's padding joins the other's real steps"),
    Rule(merging.merge_of_unmasked, "sequences of different lengths meet without masks"),
    Rule(reading.flattening_reads_padding, "Flatten makes features of padding"),
    Rule(reading.global_pooling_reads_padding, "only GlobalAveragePooling1D uses a mask"),
    Rule(reading.normalizing_over_time, "mean and variance over time include padding"),
    Rule(reading.softmax_over_time, "attention weights made by hand give padding its share"),
    Rule(reading.operation_reads_padding, "a mean by keras.ops counts padding"),
    Rule(reading.lambda_reads_padding, "so does one in a Lambda"),
    Rule(reading.code_reads_padding, "and one in the code of a subclassed network"),
    Rule(reading.custom_layer_reads_padding, "a layer of one's own may mix steps without looking at the mask"),
    Rule(reading.attention_over_nothing, "attention without any key left is even over padding"),
    Rule(reading.mask_that_keeps_padding, "a mask given by hand, or by compute_mask, may keep padding"),
    Rule(reading.layer_reads_padding, "whatever the padding test shows is said, known class or not"),
    Rule(attention.softmax_masks_classes, "the Softmax layer takes a mask of steps for one of classes"),
    Rule(recurrent.backwards_output, "go_backwards turns the steps round and not the mask"),
    Rule(probed.follows_length, "padding can count by its number, whatever it holds"),
    Rule(probed.learns_from_padding, "training may see padding where inference does not"),
    # what the loss makes of it
    Rule(shapes.rank_traps, "shapes that fit by accident are combined without a word"),
    Rule(targets.nan_in_targets, "a mask does not silence NaN"),
    Rule(not_finite.nan_in_inputs, "nor does it in what the network is given: 0 · NaN is NaN"),
    Rule(not_finite.nan_in_sample_weight, "nor in weights"),
    Rule(not_finite.loss_makes_nan, "a loss may divide by 0 by itself"),
    Rule(nan_made.nan_made_inside, "or a layer may: what makes the first NaN is what is to be mended"),
    Rule(targets.targets_end_before_mask, "the mask comes from the prediction, never from y"),
    Rule(divisors.weights_and_mask, "weights that leave steps out do not change the divisor"),
    Rule(divisors.missing_labels, "samples of weight 0 stay in the divisor"),
    Rule(divisors.activity_counts_padding, "an activity regularizer sees no mask"),
    Rule(divisors.unexplained, "padding in the loss is said in any case"),
    # metrics, and what is a fact of life
    Rule(results.metric_ignores_mask, "Precision and its kind count masked steps"),
    Rule(results.metric_ignores_weights, "metrics never see weights, weighted_metrics do"),
    Rule(results.empty_samples, "a sample that is all padding may become NaN"),
    Rule(wrappers.lost_when_saved, "what is set on a layer from outside is not in its file"),
    Rule(wrappers.false_warning, "Keras' warning of a destroyed mask is not always true"),
    Rule(recurrent.carried_state_not_put_out, "a stateful layer puts out 0 before the first real step"),
    Rule(recurrent.not_right_padded, "cuDNN takes right padding only"),
    Rule(results.masked_predictions_are_not_zero, "predictions at masked steps look like predictions"),
    Rule(divisors.divided_by_kept, "versions of Keras divide a masked loss differently"),
    Rule(divisors.predict_has_no_mask, "arrays carry no mask"),
    Rule(divisors.epoch_of_another_mean, "an epoch's loss is a mean of means"),
)
