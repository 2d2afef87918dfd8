"""The weights: where they come from, how they are checked and converted, and how they are loaded."""

from anyview_ros.methods.anyview.weights.bundle import (
    Bundle,
    load_bundle,
    read_manifest,
    verify_bundle,
    write_bundle,
)
from anyview_ros.methods.anyview.weights.instructions import INSTRUCTIONS
from anyview_ros.methods.anyview.weights.release import (
    RELEASE_FILES,
    Release,
    read_release,
)
from anyview_ros.methods.checkpoint_files import read_checkpoint, read_tensors
from anyview_ros.methods.weight_checks import check_file

__all__ = [
    "INSTRUCTIONS",
    "RELEASE_FILES",
    "Bundle",
    "Release",
    "check_file",
    "load_bundle",
    "read_checkpoint",
    "read_manifest",
    "read_release",
    "read_tensors",
    "verify_bundle",
    "write_bundle",
]
