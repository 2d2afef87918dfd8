"""What several benchmarks share: the processes that are measured, and how."""
