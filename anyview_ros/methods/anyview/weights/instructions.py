"""Where a user gets the weights, and on what terms."""

from __future__ import annotations

INSTRUCTIONS = """\
AnyView's weights are not part of this package: you download them, under their own licences.

  1. Follow the download links in the README of https://github.com/TRI-ML/AnyView-DVS and put into one folder:
         anyview_dvs_2b.pt     (3.95 GB)   the transformer, bfloat16
         tokenizer.pth         (508 MB)    the video autoencoder of Cosmos-Predict2 (Wan 2.1)
         default_text_emb.pt   (2 MB)      the embedding of the empty prompt
     each with the .sha256 file beside it.
  2. anyview weights verify FOLDER
  3. anyview weights convert FOLDER OUT      (once; reads no pickled code, writes safetensors)
  4. anyview methods anyview --weights OUT, or load_synthesizer("anyview", weights="OUT")

Licences: the weights are under the NVIDIA Open Model License
(https://www.nvidia.com/en-us/agreements/enterprise-software/nvidia-open-model-license/). The authors' own code is
CC BY-NC 4.0; this package contains none of it. Read both before you use the model in a product.\
"""

_WORKS_NOW = ("anyview_small", "reprojection")


def missing_weights_message() -> str:
    """What to tell someone who asked for AnyView without weights."""
    from anyview_ros.synthesis.registry import available_methods

    now = next(name for name in _WORKS_NOW if name in available_methods())
    return (
        "method 'anyview' needs weights that are not part of this package; download them as "
        "https://github.com/TRI-ML/AnyView-DVS explains (NVIDIA Open Model License), convert them with "
        "`anyview weights convert FOLDER OUT` and give weights='OUT' (`anyview weights` tells more). "
        f"Method '{now}' works now, without a download"
    )
