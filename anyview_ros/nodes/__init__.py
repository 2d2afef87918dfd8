"""The ROS 2 faces: nodes, and the conversions between messages and arrays."""
