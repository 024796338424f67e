"""The actions that change which maps are shown and how, as data for ``gui.action_list``, and the menu that holds them."""

from __future__ import annotations

from maskviz.gui.action_spec import ActionSpec


def _act(name: str, text: str, handler: str, key: str, tip: str) -> ActionSpec:
    return ActionSpec(name, text, f"heatmap_tools.{handler}", (f"Ctrl+M, {key}",), "", tip, needs="batch")


MAPS = (
    _act("map_values", "Add &values", "add_values", "V", "What the selected layer puts out: one unit, the norm over units, or the largest"),
    _act("map_mask", "Add &mask", "add_mask", "M", "Which steps the mask of the selected layer keeps"),
    _act("map_status", "Add &status", "add_status", "S", "Kept, leaking, skipped, exposed or unmasked: every step of the selected layer"),
    _act("map_change", "Add padding-&test change", "add_change", "T", "How far the selected layer moves when only padding is changed"),
    _act("map_gradient", "Add &gradient", "add_gradient", "G", "How much the loss reacts to the selected layer at each step"),
    _act("map_state", "Add recurrent sta&te", "add_state", "H", "What the selected recurrent layer holds after each step"),
    _act("map_influence", "Add &influence", "add_influence", "I", "Which steps of the input each step of the selected layer depends on"),
    _act("map_weights", "Add sample &weights", "add_weights", "W", "What the loss of each step is multiplied with; drag to paint it"),
    _act("map_first", "&First three maps", "first_maps", "0", "Padding and mask, predictions and loss contributions alone"),
    _act("map_profile", "&Profile along the cross-hair", "next_profile", "P", "Curves over time, over samples, or none"),
    _act("map_as_given", "Samples as gi&ven", "as_given", "1", "Show the samples in the order of the batch"),
    _act("map_by_length", "Samples by &length", "by_length", "2", "Show the samples with the most real steps first"),
    _act("map_by_loss", "Samples by l&oss", "by_loss", "3", "Show the samples that add most to the loss first"),
    _act("map_by_padding", "Samples by share of p&adding", "by_padding", "4", "Show the samples with the most padding first"),
    _act("map_edges", "Drag &edges", "drag_edges", "E", "A drag in the mask moves the edge between data and padding"),
    _act("map_paint", "Paint padd&ing", "paint_padding", "B", "A drag in the mask makes steps padding, or data again"),
    _act("map_select", "Select &cells", "select_cells", "C", "A drag in any map marks samples and steps"),
    _act("map_unmark", "Mark &nothing", "unmark", "X", "End what is marked and pointed out in the maps"),
)
MAP_MENU = (
    *(act.id for act in MAPS[:8]), "-", "map_first", "map_profile", "-", *(act.id for act in MAPS[10:14]), "-",
    *(act.id for act in MAPS[14:18])
)  # fmt: skip
