"""Parts of neural networks that several methods share."""
