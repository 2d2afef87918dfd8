"""Scores against the truth, pictures for people, and reports that claim no more than was measured."""
