"""Which topics of pictures are a camera's colour and which its depth, by their names."""

from __future__ import annotations

import pytest

from anyview_ros.offline.bag_items import BagTopic
from anyview_ros.offline.bags import find_cameras

RAW, PACKED, INFO = (f"sensor_msgs/msg/{name}" for name in ("Image", "CompressedImage", "CameraInfo"))


def found(*names: str) -> dict[str, str]:
    """The cameras of a bag of these pictures, each with a CameraInfo beside it: colour and depth."""
    kinds = {name: PACKED if "/compressed" in name else RAW for name in names}
    spaces = {name.partition("/compressed")[0].rpartition("/")[0] for name in names}
    topics = [BagTopic(name, kind, 9) for name, kind in kinds.items()]
    topics += [BagTopic(f"{space}/camera_info", INFO, 9) for space in spaces]
    return {camera.image: camera.depth for camera in find_cameras(topics)}


@pytest.mark.parametrize(
    ("colour", "depth"),
    [
        ("/intel_realsense_r200_depth/image_raw", "/intel_realsense_r200_depth/depth/image_raw"),
        ("/bot/depth_camera/image_raw", "/bot/depth_camera/depth/image_raw"),
        ("/bot/depth_camera/image_raw/compressed", "/bot/depth_camera/depth/image_raw"),
        ("/depth_camera/color/image_raw", "/depth_camera/aligned_depth_to_color/image_raw"),
        ("/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw"),
        ("/camera/rgb/image_raw", "/camera/depth_registered/image_raw"),
        ("/zed/rgb/image_rect_color", "/zed/depth/depth_registered"),
        ("/rgbd_camera/image", "/rgbd_camera/depth_image"),
        ("/kinect2/hd/image_color", "/kinect2/hd/image_depth_rect"),
        ("/bot/rgb_camera/image_raw", "/bot/depth_camera/image_raw"),
        ("/bot/rgb_camera/image_raw", "/bot/depth_camera"),
    ],
)
def test_colour_is_told_from_depth(colour: str, depth: str) -> None:
    assert found(colour, depth) == found(depth, colour) == {colour: depth}


@pytest.mark.parametrize("name", ["/depth_camera/image_raw", "/r200_depth/image_raw/compressed"])
def test_a_lone_camera_that_is_named_for_its_depth_is_one_of_colour(name: str) -> None:
    assert found(name) == {name: ""}
    assert found(name, "/r200_depth/image_raw/compressedDepth") == {name: ""}


@pytest.mark.parametrize(
    "name",
    [
        "/camera/depth/image_raw",
        "/camera/aligned_depth_to_color/image_raw",
        "/stereo/left_depth",
        "/stereo/left_depth/compressed",
        "/spot/depth_registered/front/image",
    ],
)
def test_depth_alone_is_no_camera(name: str) -> None:
    assert found(name) == {}


@pytest.mark.parametrize(
    ("names", "depths"),
    [
        (
            ("/arm/front/image_raw", "/arm/front/aligned_depth/image_raw", "/arm/wrist/image_raw"),
            {"/arm/front/image_raw": "/arm/front/aligned_depth/image_raw", "/arm/wrist/image_raw": ""},
        ),
        (
            (
                "/arm/front/image_raw",
                "/arm/front/depth/image",
                "/arm/wrist/image_raw",
                "/arm/wrist/depth/image",
            ),
            {
                "/arm/front/image_raw": "/arm/front/depth/image",
                "/arm/wrist/image_raw": "/arm/wrist/depth/image",
            },
        ),
        (
            ("/robot/image_raw", "/robot/wrist/image_raw", "/robot/wrist/depth/image_raw"),
            {"/robot/wrist/image_raw": "/robot/wrist/depth/image_raw", "/robot/image_raw": ""},
        ),
        (
            ("/cam/color/image_raw", "/cam/infra1/image_rect_raw", "/cam/aligned_depth_to_color/image_raw"),
            {
                "/cam/color/image_raw": "/cam/aligned_depth_to_color/image_raw",
                "/cam/infra1/image_rect_raw": "",
            },
        ),
        (
            ("/cam/color/image_raw", "/cam/aligned_depth_to_infra1/image_raw", "/cam/infra1/image_rect_raw"),
            {
                "/cam/infra1/image_rect_raw": "/cam/aligned_depth_to_infra1/image_raw",
                "/cam/color/image_raw": "",
            },
        ),
        (
            ("/cam/color/image_raw", "/cam/aligned_depth_to_infra1/image_raw"),
            {"/cam/color/image_raw": ""},
        ),
        (
            ("/rgb/image_raw", "/depth/image_raw", "/depth_to_rgb/image_raw", "/ir/image_raw"),
            {"/rgb/image_raw": "/depth_to_rgb/image_raw", "/ir/image_raw": ""},
        ),
        (
            ("/cam/rgb/image_raw", "/cam/aligned_depth_to_color/image_raw"),
            {"/cam/rgb/image_raw": "/cam/aligned_depth_to_color/image_raw"},
        ),
        (
            ("/cam/color/image_raw", "/cam/depth/image_raw", "/cam/depth_to_color/image_raw"),
            {"/cam/color/image_raw": "/cam/depth_to_color/image_raw"},
        ),
    ],
)
def test_no_camera_gets_the_depth_of_another(names: tuple[str, ...], depths: dict[str, str]) -> None:
    assert found(*names) == found(*names[::-1]) == depths


def test_compressed_depth_counts_where_there_is_no_raw_one() -> None:
    colour, raw = "/camera/color/image_raw", "/camera/aligned_depth_to_color/image_raw"
    packed = f"{raw}/compressedDepth"
    assert found(colour, packed) == {colour: packed}
    assert found(colour, packed, raw) == {colour: raw}


COLOUR, DEPTH, TOLD = (
    "/cam/color/image_raw",
    "/cam/aligned_depth_to_color/image_raw",
    "/cam/color/camera_info",
)


@pytest.mark.parametrize(
    ("silent", "cameras"),
    [
        ("", [(COLOUR, TOLD, DEPTH)]),
        (COLOUR, []),
        (DEPTH, [(COLOUR, TOLD, "")]),
        (TOLD, [(COLOUR, "", DEPTH)]),
    ],
)
def test_topics_without_a_message_do_not_count(silent: str, cameras: list[tuple[str, str, str]]) -> None:
    topics = [
        BagTopic(name, kind, 0 if name == silent else 9)
        for name, kind in ((COLOUR, RAW), (DEPTH, RAW), (TOLD, INFO))
    ]
    seen = find_cameras(topics, calibrated=False)
    assert [(camera.image, camera.camera_info, camera.depth) for camera in seen] == cameras
    assert len(find_cameras(topics)) == sum(told != "" for _, told, _ in cameras)


def test_cameras_with_depth_come_first_and_true_views_last_where_they_are_asked_for() -> None:
    names = ("/a/image_raw", "/b/image_raw", "/b/depth/image_raw", "/a/truth/top/image_raw", "/c/image_raw")
    topics = [BagTopic(name, RAW, 9) for name in names]
    topics += [BagTopic(f"{space}/camera_info", INFO, 9) for space in ("/a", "/b", "/c", "/a/truth/top")]
    plain = ["/b/image_raw", "/a/image_raw", "/c/image_raw"]
    assert [camera.image for camera in find_cameras(topics)] == plain
    with_truth = [camera.image for camera in find_cameras(topics, truth=True)]
    assert with_truth == [*plain, "/a/truth/top/image_raw"]
