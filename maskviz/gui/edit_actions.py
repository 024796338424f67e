"""The actions that change the batch, as data for ``gui.action_list``, and the submenus of Edit that hold them."""

from __future__ import annotations

from maskviz.gui.action_spec import ActionSpec


def _act(name: str, text: str, handler: str, keys: str, tip: str) -> ActionSpec:
    return ActionSpec(name, text, f"editing.{handler}", (keys,), "", tip, needs="batch")


EDITS = (
    _act("copy_cells", "&Copy cells", "cells.copy", "Ctrl+C", "Copy the selected cells of the sample for a spreadsheet"),
    _act("paste_cells", "&Paste cells", "cells.paste", "Ctrl+V", "Paste cells of a spreadsheet at the selected cell"),
    _act("copy_headed", "Copy cells with &headings", "cells.copy_with_headings", "Ctrl+Alt+C", "Copy cells with titles and steps"),
    _act("pad", "&Pad marked steps", "steps.pad", "Del", "Make the marked steps padding"),
    _act("unpad", "Make marked steps &real", "steps.unpad", "Shift+Del", "Give the marked steps their content back"),
    _act("pad_left", "Padding to the &left", "steps.pad_left", "Ctrl+L, Left", "Move the padding of the marked samples to the left"),
    _act("pad_right", "Padding to the ri&ght", "steps.pad_right", "Ctrl+L, Right", "Move the padding of the marked samples to the right"),
    _act("pad_all_left", "Padding of &all samples to the left", "steps.pad_all_left", "Ctrl+L, Home", "Left padding everywhere"),
    _act("pad_all_right", "Padding of all &samples to the right", "steps.pad_all_right", "Ctrl+L, End", "Right padding everywhere"),
    _act("fill_padded_only", "Zero, noise and NaN &only in padding", "cells.fill_padded_only", "Ctrl+L, O", "Leave real steps alone"),
    _act("fill_pad", "The &pad value", "cells.fill_pad", "Ctrl+L, P", "Fill with the pad value, so that steps become padding"),
    _act("fill_zero", "&Zero", "cells.fill_zero", "Ctrl+L, Z", "Fill with zero"),
    _act("fill_noise", "&Noise", "cells.fill_noise", "Ctrl+L, N", "Fill with values like the real ones"),
    _act("fill_nan", "N&aN", "cells.fill_nan", "Ctrl+L, X", "Fill with NaN, to see how far it spreads"),
    _act("fill_token", "A &real step equal to padding", "cells.fill_token", "Ctrl+L, R", "Real steps that hold the pad value"),
    _act("insert_steps", "&Insert steps", "steps.insert", "Ins", "Insert padded steps before the marked ones; what follows moves on"),
    _act("delete_steps", "&Delete steps", "steps.delete", "Ctrl+Del", "Delete the marked steps; what follows moves up"),
    _act("insert_in_all", "Insert in &all samples", "steps.insert_in_all", "Ctrl+L, I", "Insert padded steps in every sample; T grows"),
    _act("delete_in_all", "Delete in all &samples", "steps.delete_in_all", "Ctrl+L, D", "Delete steps of every sample; T shrinks"),
    _act("change_length", "&Lengthen or shorten…", "steps.change_length", "Ctrl+Shift+K", "Change T, the number of steps of all samples"),
    _act("duplicate", "&Duplicate", "samples.duplicate", "Ctrl+D", "Put a copy of each marked sample below it"),
    _act("delete_samples", "D&elete", "samples.delete", "Ctrl+Shift+Del", "Delete the marked samples"),
    _act("move_up", "Move &up", "samples.move_up", "Alt+Up", "Move the marked samples up"),
    _act("move_down", "Move d&own", "samples.move_down", "Alt+Down", "Move the marked samples down"),
    _act("sort_longest", "Sort, &longest first", "samples.sort_longest", "Ctrl+L, L", "Sort the samples by length"),
    _act("sort_shortest", "Sort, &shortest first", "samples.sort_shortest", "Ctrl+L, S", "Sort the samples by length"),
    _act("set_weight", "&Set weight of marked steps…", "weights.ask", "Ctrl+W", "Give the marked steps a weight in the loss"),
    _act("weights_from_y", "Weights from &y…", "weights.ask_from_y", "Ctrl+Shift+Y", "Give targets of one value a weight of their own"),
    _act("weights_from_mask", "Weights = &mask", "weights.from_mask", "Ctrl+Shift+M", "Weight 1 where the mask keeps a step, else 0"),
    _act("remove_weights", "&Remove weights", "weights.remove", "Ctrl+Shift+W", "Remove the weights of the selected output"),
    _act("vocabulary", "&Vocabulary…", "words.load", "Ctrl+Shift+V", "Show the words of a file beside token ids or classes"),
    _act("no_vocabulary", "&No vocabulary", "words.forget", "Ctrl+Alt+V", "Show no words beside ids any more"),
)

EDIT_MENUS = {
    "fill": ("&Fill with", ("fill_padded_only", "-", "fill_pad", "fill_zero", "fill_noise", "fill_nan", "fill_token")),
    "padding": ("Pa&dding", ("pad", "unpad", "-", "pad_left", "pad_right", "pad_all_left", "pad_all_right")),
    "steps": ("&Steps", ("insert_steps", "delete_steps", "-", "insert_in_all", "delete_in_all", "change_length")),
    "samples": ("Sa&mples", ("duplicate", "delete_samples", "-", "move_up", "move_down", "-", "sort_longest", "sort_shortest")),
    "weights": ("&Weights", ("set_weight", "-", "weights_from_y", "weights_from_mask", "-", "remove_weights")),
    "words": ("V&ocabulary", ("vocabulary", "no_vocabulary")),
}
"""Submenus by id: their title, and the actions in them."""
