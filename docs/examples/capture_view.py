"""Ask a running virtual_camera for one view from above: python docs/examples/capture_view.py above.png."""

import sys

import cv2
import rclpy
from cv_bridge import CvBridge
from geometry_msgs.msg import Point, Pose, Quaternion

from anyview_ros.srv import CaptureView

rclpy.init()
node = rclpy.create_node("planner")
client = node.create_client(CaptureView, "/anyview/capture_view")
if not client.wait_for_service(10.0):
    sys.exit("nobody serves /anyview/capture_view; start virtual_camera in the same ROS_DOMAIN_ID")

# 1.2 m above the table, looking straight down: half a turn about x brings the optical z axis from up to down.
pose = Pose(position=Point(x=0.45, z=1.2), orientation=Quaternion(x=1.0, w=0.0))
answer = client.call_async(CaptureView.Request(parent_frame="base_link", pose=pose))
rclpy.spin_until_future_complete(node, answer, timeout_sec=60.0)
view = answer.result()
if view is None:
    sys.exit("no answer within 60 s")
if not view.success:
    sys.exit(f"{view.error_type}: {view.error}")
cv2.imwrite(sys.argv[1], CvBridge().imgmsg_to_cv2(view.image, "bgr8"))
node.get_logger().info(f"{sys.argv[1]}: synthesised by {view.provenance.method}, not seen")
