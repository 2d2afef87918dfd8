"""The ``anyview`` command."""
