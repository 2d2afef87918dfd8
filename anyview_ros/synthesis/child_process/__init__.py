"""A method in a process of its own: if it, or its device's driver, crashes, the caller lives on."""

from anyview_ros.synthesis.child_process.synthesizer import ChildSynthesizer

__all__ = ["ChildSynthesizer"]
