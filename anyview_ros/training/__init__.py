"""Training: random clips of procedural scenes, and the loops that fit our networks to them."""
