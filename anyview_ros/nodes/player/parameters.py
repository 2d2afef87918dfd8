"""The player's parameters; all are read once, at the start."""

from __future__ import annotations

from anyview_ros.nodes.parameters import Change, Parameter

PARAMETERS = (
    Parameter(
        "input",
        "",
        "Bag (folder, .mcap, .db3), video, Middlebury stereo folder, or a sample's name: people, motorcycle.",
        Change.NEVER,
    ),
    Parameter(
        "calibration",
        "",
        "ROS calibration YAML of a video; empty: the file beside it with suffix .yaml.",
        Change.NEVER,
    ),
    Parameter("samples", "", "Folder with the unpacked sample data (people).", Change.NEVER),
    Parameter(
        "loop",
        True,
        "Begin again at the end. A looped recording goes on in time; a looped bag's clock jumps back.",
        Change.NEVER,
    ),
    Parameter(
        "rate_hz", 5.0, "Instants per second, of recordings other than bags.", Change.NEVER, 0.1, 120.0
    ),
    Parameter(
        "max_size",
        640,
        "Longest side in pixels, of recordings other than bags.",
        Change.NEVER,
        16,
        8192,
    ),
    Parameter("speed", 1.0, "Speed at which a bag is played.", Change.NEVER, 0.01, 100.0),
)
