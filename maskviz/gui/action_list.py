"""Every action of the window as data, and the menus that hold them.

An action's ``handler`` is the path of a method seen from the main window (``files.open``), looked up when the actions are built.
"""

from __future__ import annotations

from maskviz.gui.action_spec import ActionSpec
from maskviz.gui.edit_actions import EDIT_MENUS, EDITS

ACTIONS = (
    ActionSpec("open", "&Open network…", "files.open", ("Ctrl+O",), "open", "Open a network (.keras or .h5)", "Open"),
    ActionSpec(
        "batch", "Open &batch…", "files.open_batch", ("Ctrl+B",), "batch", "Open a batch: .npz, .npy, .csv or .json", "Batch", "network"
    ),
    ActionSpec("new", "&New network…", "files.new_network", ("Ctrl+N",), "new", "Build a network from a template", "New"),
    ActionSpec(
        "edit_in_builder",
        "E&dit in the builder",
        "builder.edit",
        ("Ctrl+Shift+B",),
        "",
        "Change the network that is open: its layers, their order and arguments",
        needs="network",
    ),
    ActionSpec("gallery", "Example &gallery…", "files.gallery", ("Ctrl+G",), "gallery", "Ready-made networks and what to look for in them"),
    ActionSpec("open_session", "Open se&ssion…", "sessions.open", ("Ctrl+Shift+O",), "", "Take up a session that was saved (.maskviz)"),
    ActionSpec(
        "save_session",
        "&Save session",
        "sessions.save",
        ("Ctrl+S",),
        "",
        "Save network, batch with edits, selection and panes as one file",
        needs="batch",
    ),
    ActionSpec(
        "save_session_as",
        "Save sess&ion as…",
        "sessions.save_as",
        ("Ctrl+Shift+S",),
        "",
        "Save the session into another file",
        needs="batch",
    ),
    ActionSpec(
        "save_network",
        "Save &network as…",
        "files.save_network",
        ("Ctrl+Alt+S",),
        "save",
        "Save the network as a .keras file",
        needs="network",
    ),
    ActionSpec(
        "save_batch",
        "Save batch &as…",
        "files.save_batch",
        ("Ctrl+Alt+B",),
        "",
        "Save the batch, with your edits, as .npz",
        needs="batch",
    ),
    ActionSpec(
        "export",
        "&Export…",
        "take_away.export",
        ("Ctrl+E",),
        "export",
        "Export heatmaps, graph or window: pictures, numbers, animations",
        "Export",
        "network",
    ),
    ActionSpec(
        "report",
        "Export a rep&ort…",
        "take_away.report",
        ("Ctrl+Shift+H",),
        "",
        "Findings, loss and pictures in one HTML file, for a ticket or an appendix",
        needs="batch",
    ),
    ActionSpec(
        "copy_picture",
        "Copy as p&icture",
        "take_away.copy_picture",
        ("Ctrl+Shift+C",),
        "",
        "Put the heatmap or the graph that the keyboard is in on the clipboard; else all heatmaps",
        needs="batch",
    ),
    ActionSpec(
        "copy_numbers",
        "Copy &numbers",
        "take_away.copy_numbers",
        ("Ctrl+Shift+N",),
        "",
        "Put the numbers behind it on the clipboard, for a spreadsheet",
        needs="batch",
    ),
    ActionSpec("reload", "&Reload", "files.reload", ("F5",), "reload", "Read the network's file again", needs="network"),
    ActionSpec("settings", "Se&ttings…", "guide.show_settings", ("Ctrl+,",), "", "Colours, scale, limits, engine and keys"),
    ActionSpec("quit", "&Quit", "close", ("Ctrl+Q",)),
    ActionSpec("undo", "&Undo", "undo", ("Ctrl+Z",), "undo", "Nothing to undo", "Undo"),
    ActionSpec("redo", "&Redo", "redo", ("Ctrl+Shift+Z", "Ctrl+Y"), "redo", "Nothing to redo", "Redo"),
    ActionSpec("find", "&Find a layer…", "find_layer", ("Ctrl+F",), "find", "Find a layer in the graph", needs="network"),
    ActionSpec("palette", "&Command palette…", "guide.show_palette", ("Ctrl+Shift+P", "Ctrl+K"), "palette", "Find any action by its name"),
    ActionSpec("next_step", "Next timestep", "walk.next_step", ("Right",), needs="batch"),
    ActionSpec("previous_step", "Previous timestep", "walk.previous_step", ("Left",), needs="batch"),
    ActionSpec("first_step", "First timestep", "walk.first_step", ("Home",), needs="batch"),
    ActionSpec("last_step", "Last timestep", "walk.last_step", ("End",), needs="batch"),
    ActionSpec("next_sample", "Next sample", "walk.next_sample", ("Down",), needs="batch"),
    ActionSpec("previous_sample", "Previous sample", "walk.previous_sample", ("Up",), needs="batch"),
    ActionSpec("play", "&Play through the timesteps", "play", ("P",), "play", "Play through the timesteps, or pause", needs="batch"),
    ActionSpec(
        "pin", "P&in as A", "comparison.pin", ("Shift+A",), "", "Keep this as A and compare what follows with it", "Pin A", "result"
    ),
    ActionSpec("unpin", "&Unpin A", "comparison.unpin", ("Shift+B",), "", "Compare no more", "Unpin", "pinned"),
    ActionSpec("show_a", "Show &A", "comparison.show_a", ("A",), "", "Show A, what is pinned", needs="pinned"),
    ActionSpec("show_b", "Show &B", "comparison.show_b", ("B",), "", "Show B, what is open now", needs="pinned"),
    ActionSpec("show_difference", "Show B − A", "comparison.show_difference", ("D",), "", "Show how B differs from A", needs="pinned"),
    ActionSpec("find_next", "Find ne&xt", "graph_tools.next_hit", ("F3",), "", "Go to the next layer that was found", needs="network"),
    ActionSpec(
        "find_previous", "Find pre&vious", "graph_tools.previous_hit", ("Shift+F3",), "", "Go to the layer found before", needs="network"
    ),
    ActionSpec(
        "graph_trace",
        "&Trace the selection",
        "graph_tools.trace",
        ("T",),
        "",
        "Dim what does not lead to or from the layer",
        needs="network",
    ),
    ActionSpec(
        "graph_follow",
        "Follow the &mask",
        "graph_tools.follow",
        ("M",),
        "",
        "From where a mask is created to where it is lost",
        needs="network",
    ),
    ActionSpec(
        "graph_whole", "&Whole batch", "graph_tools.whole", ("W",), "", "Shares of all samples and steps, or one sample", needs="network"
    ),
    ActionSpec("graph_shapes", "&Shapes on edges", "graph_tools.shapes", ("E",), "", "Label edges with shape and dtype", needs="network"),
    ActionSpec("graph_masks", "Mas&ks on edges", "graph_tools.masks", ("K",), "", "Colour and name the mask of each edge", needs="network"),
    ActionSpec(
        "graph_turn", "&Left to right", "graph_tools.turn", ("O",), "", "Run the graph from left to right, or down", needs="network"
    ),
    ActionSpec("graph_map", "Small ma&p", "graph_tools.map", ("N",), "", "A map of the whole graph in its corner", needs="network"),
    ActionSpec(
        "graph_mask_path",
        "Mask p&ath",
        "graph_tools.mask_path",
        ("Shift+M",),
        "",
        "Show operations that only compute a mask",
        needs="network",
    ),
    ActionSpec(
        "unfold_all", "&Unfold all", "graph_tools.unfold_all", ("Ctrl+Shift+E",), "", "Show the calls in all containers", needs="network"
    ),
    ActionSpec("fold_all", "&Fold all", "graph_tools.fold_all", ("Ctrl+Shift+F",), "", "Hide the calls in all containers", needs="network"),
    ActionSpec("reset_layout", "&Reset layout", "reset_layout", ("Ctrl+Shift+L",), "", "Put all panes back where they were at first"),
    ActionSpec(
        "fit", "&Fit", "fit", ("Ctrl+0",), "fit", "Show all of the graph and of the heatmaps; Space does it for one pane", needs="network"
    ),
    ActionSpec("switch_theme", "Switch between &dark and light", "theme.switch", ("Ctrl+Shift+T",)),
    ActionSpec("full_screen", "F&ull screen", "toggle_full_screen", ("F11",)),
    ActionSpec(
        "restart_engine",
        "Restart the &engine",
        "files.restart_engine",
        ("Ctrl+Shift+R",),
        "",
        "End the engine's process and start a fresh one",
    ),
    ActionSpec("stop", "&Stop", "stopping.stop", ("Ctrl+.",), "", "Stop what the engine is doing and go back to what was there before"),
    ActionSpec("next_pane", "Next pane", "pane_focus.next", ("F6", "Ctrl+Tab"), needs="network"),
    ActionSpec("previous_pane", "Previous pane", "pane_focus.previous", ("Shift+F6", "Ctrl+Shift+Tab"), needs="network"),
    ActionSpec("shortcuts", "&Keyboard and mouse", "guide.show_keys", ("F1",), "help"),
    ActionSpec("tour", "&Tour of the window", "guide.show_tour", ("Ctrl+F1",), "", "What each pane is for, in six steps", needs="network"),
    ActionSpec("about", "&About MaskViz", "guide.show_about", ("Shift+F1",)),
    *EDITS,
)

EDIT = (
    "undo",
    "redo",
    "-",
    "copy_cells",
    "paste_cells",
    "copy_headed",
    "copy_picture",
    "copy_numbers",
    "-",
    *EDIT_MENUS,
    "-",
    "find",
    "palette",
)
# "-" is a separator; "recent", "panes", "theme", "go" and "devices" are submenus whose items come and go
MENUS = (
    (
        "&File",
        (
            "new",
            "edit_in_builder",
            "open",
            "batch",
            "recent",
            "gallery",
            "-",
            "open_session",
            "save_session",
            "save_session_as",
            "-",
            "save_network",
            "save_batch",
            "export",
            "report",
            "-",
            "reload",
            "settings",
            "-",
            "quit",
        ),
    ),
    ("&Edit", EDIT),
    ("&View", ("panes", "reset_layout", "full_screen", "-", "theme", "switch_theme", "-", "fit", "go", "play")),
    (
        "&Graph",
        (
            "graph_trace",
            "graph_follow",
            "-",
            "graph_whole",
            "graph_shapes",
            "graph_masks",
            "graph_mask_path",
            "-",
            "graph_turn",
            "graph_map",
            "-",
            "unfold_all",
            "fold_all",
        ),
    ),
    ("&Compare", ("pin", "unpin", "-", "show_a", "show_b", "show_difference")),
    ("&Device", ("devices",)),
    ("&Help", ("shortcuts", "tour", "about")),
)
GO = ("next_step", "previous_step", "first_step", "last_step", "-", "next_sample", "previous_sample", "-", "next_pane", "previous_pane")
SUBMENU_TITLES = {
    "recent": "Open &recent",
    "panes": "&Panes",
    "theme": "&Theme",
    "go": "&Go to",
    **{name: title for name, (title, _) in EDIT_MENUS.items()},
}
