"""The formats that augmented episodes are written in."""
