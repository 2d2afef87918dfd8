"""The published weights of ZeroNVS: where they come from, how they are checked and converted, and how they denoise."""

from anyview_ros.methods.zeronvs.published.convert import (
    read_published,
    read_published_manifest,
    verify_published,
    write_published,
)
from anyview_ros.methods.zeronvs.published.denoiser import PublishedDenoiser, load_published
from anyview_ros.methods.zeronvs.published.instructions import INSTRUCTIONS

__all__ = [
    "INSTRUCTIONS",
    "PublishedDenoiser",
    "load_published",
    "read_published",
    "read_published_manifest",
    "verify_published",
    "write_published",
]
