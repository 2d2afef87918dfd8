"""Recordings in, recordings out: bags, calibrated videos and stereo pairs. Nothing here needs a ROS distribution."""
