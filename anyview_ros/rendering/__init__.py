"""Differentiable rendering that several methods share: along rays through volumes, and of Gaussians."""
