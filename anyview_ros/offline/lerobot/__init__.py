"""LeRobot datasets, format v3.0: read, written and checked with pyarrow and PyAV; the library itself is not needed."""
