"""Where a user gets the published weights, and on what terms."""

from __future__ import annotations

INSTRUCTIONS = """\
ZeroNVS's published weights are not part of this package: you download them, under their own licences.

  1. The README of https://github.com/kylesargent/ZeroNVS links the model (viewer mode, trained on CO3D, RealEstate10K
     and ACID) on a file share: one checkpoint of some GB. It publishes no sha256; note that of your download.
  2. anyview weights verify FILE --sha256 SUM     (if you know what it should be)
  3. anyview weights convert --method zeronvs FILE OUT
     (once; reads no pickled code, writes 5 GB of safetensors, needs about 3.5 GB of free memory)
  4. anyview methods zeronvs --weights OUT, load_synthesizer("zeronvs", weights="OUT"), or
     anyview fit --method zeronvs --option weights=OUT ...
     (weights take 5.0 GB of memory on a CPU; 2.7 GB on a GPU, where all but the autoencoder is in float16)

Licences: the authors' code is Apache-2.0 (distillation) and MIT (diffusion). The weights were fine-tuned from those of
Zero123-XL, and these from Stable Diffusion (CreativeML Open RAIL-M), and hold OpenAI's CLIP (MIT). Read all of them
before you use the model in a product.\
"""
