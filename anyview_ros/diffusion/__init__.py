"""Noise schedules, preconditioning and samplers that several methods share."""
