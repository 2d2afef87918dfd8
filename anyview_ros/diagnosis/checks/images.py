"""Pictures arrive, can be read, and keep their size."""

from __future__ import annotations

from collections.abc import Iterator

from anyview_ros.diagnosis.evidence import CameraEvidence, Evidence, Origin
from anyview_ros.diagnosis.finding import Finding, error, fine, warning


def check_images(evidence: Evidence) -> Iterator[Finding]:
    """What could not be read, cameras without pictures, unreadable pictures, changing sizes and frames."""
    for loss in evidence.losses:
        yield warning("images.lost", evidence.target, loss, "record again, or live without what is lost")
    if not evidence.cameras:
        yield error(
            "images.no_camera",
            evidence.target,
            "no topic with colour pictures",
            "start the camera driver or record its image and camera_info; name another topic with --image",
        )
    for camera in evidence.cameras:
        yield from _one(evidence, camera)


def _one(evidence: Evidence, camera: CameraEvidence) -> Iterator[Finding]:
    images = camera.images
    if len(images) == 0:
        seen = f"no picture in {evidence.duration_s:.1f} s"
        remedy = "start the camera" if evidence.origin is Origin.GRAPH else "record the camera's topic"
        yield error("images.missing", images.topic, seen, f"{remedy}; check its topic's name and its QoS")
        return
    if images.problems:
        yield error(
            "images.unreadable", images.topic, images.problems[0], "publish rgb8, bgr8, mono8, JPEG or PNG"
        )
    if len(images.sizes) > 1:
        sizes = ", ".join(f"{width}x{height}" for width, height in images.sizes)
        yield error(
            "images.size_changes",
            images.topic,
            f"sizes {sizes}",
            "let one driver publish one size on one topic; the window begins anew at each change",
        )
    if len(images.frames) > 1:
        frames = ", ".join(images.frames)
        yield error("images.frame_changes", images.topic, f"frames {frames}", "publish one camera per topic")
    if camera.pictures and all(
        int(picture.rgb.max()) - int(picture.rgb.min()) < 4 for picture in camera.pictures
    ):
        yield warning(
            "images.blank",
            images.topic,
            f"every pixel is {int(camera.pictures[0].rgb.mean())} of 255",
            "take the cap off, set the exposure, check the encoding",
        )
    if len(images.sizes) == 1 and not images.problems:
        width, height = images.sizes[0]
        yield fine(
            "images", images.topic, f"{len(images)} pictures, {width}x{height} {'/'.join(images.encodings)}"
        )
