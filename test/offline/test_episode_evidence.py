from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filmed import moving_clip

from anyview_ros.clips import PosedClip
from anyview_ros.diagnosis import Severity, diagnose
from anyview_ros.errors import ReadError
from anyview_ros.geometry import invert_rigid, opencv_to_opengl
from anyview_ros.offline.episode_evidence import episode_evidence
from anyview_ros.offline.episode_writer import write_episode


def posed(clip: PosedClip, poses: np.ndarray) -> PosedClip:
    return replace(clip, camera_to_world=poses)


def troubles(path: Path, clips: dict[str, PosedClip]) -> dict[str, Severity]:
    write_episode(path / "e", clips)
    diagnosis = diagnose(episode_evidence(path / "e"))
    return {f.check: f.severity for f in diagnosis.findings if f.severity is not Severity.OK}


def test_nothing_is_wrong_with_a_whole_episode(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": moving_clip(), "cam1": moving_clip(0.25)})
    diagnosis = diagnose(episode_evidence(tmp_path / "e"))
    assert diagnosis.is_fine, diagnosis.findings
    compared = {f.thing for f in diagnosis.findings if "fit each other" in f.value}
    assert compared == {"cam0", "cam1", "cam0 and cam1"}


@pytest.mark.parametrize(
    ("change", "check"), [(invert_rigid, "poses.inverted"), (opencv_to_opengl, "poses.opengl")]
)
def test_poses_of_another_convention(tmp_path: Path, change: object, check: str) -> None:
    clip = moving_clip()
    wrong = posed(clip, change(clip.camera_to_world))  # type: ignore[operator]
    assert troubles(tmp_path, {"cam0": wrong}) == {check: Severity.ERROR}


def test_inverted_poses_of_cameras_that_stand_still(tmp_path: Path) -> None:
    clips = {}
    for name, side in (("cam0", 0.0), ("cam1", 0.25)):
        clip = moving_clip(side)
        still = np.repeat(invert_rigid(clip.camera_to_world[:1]), 3, axis=0)
        frames, depth = (np.repeat(values[:1], 3, axis=0) for values in (clip.frames, clip.depth))
        clips[name] = PosedClip(frames, clip.camera, still, clip.stamps_ns[:3], depth)
    assert troubles(tmp_path, clips) == {"poses.inverted": Severity.ERROR}


def test_poses_that_are_no_transforms(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": moving_clip()})
    file = sorted((tmp_path / "e" / "lowdim" / "cam0").iterdir())[0]
    np.savez(file, timestep=0, intrinsics=moving_clip().camera.matrix, extrinsics=2 * np.eye(4))
    found = {f.check for f in diagnose(episode_evidence(tmp_path / "e")).findings}
    assert "poses.not_rigid" in found


def test_intrinsics_of_another_size(tmp_path: Path) -> None:
    clip = moving_clip()
    camera = clip.camera
    wrong = replace(camera, cx=2 * camera.cx, cy=2 * camera.cy, fx=2 * camera.fx, fy=2 * camera.fy)
    assert (
        troubles(tmp_path, {"cam0": replace(clip, camera=wrong)})["camera_info.off_centre"]
        is Severity.WARNING
    )


def test_the_first_seconds_are_counted_from_the_first_picture(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": moving_clip()})
    files = sorted((tmp_path / "e" / "lowdim" / "cam0").iterdir())
    for number, file in enumerate(files):
        with np.load(file) as told:
            np.savez(file, **told, stamp_ns=np.array(10**18 + number * 10**8))
    (camera,) = episode_evidence(tmp_path / "e", duration_s=0.45).cameras
    assert len(files) > 5
    assert len(camera.images.stamps_ns) == 5


def test_one_camera_can_be_chosen(tmp_path: Path) -> None:
    write_episode(tmp_path / "e", {"cam0": moving_clip(), "cam1": moving_clip()})
    assert [c.name for c in episode_evidence(tmp_path / "e", image="cam1").cameras] == ["cam1"]
    with pytest.raises(ReadError, match="cam9"):
        episode_evidence(tmp_path / "e", image="cam9")


def test_synthesised_cameras_are_not_looked_at_unless_asked_for(tmp_path: Path) -> None:
    clips = {"cam0": moving_clip(), "made": moving_clip(0.25)}
    write_episode(tmp_path / "e", clips, metadata={"synthesised": {"made": {}}})
    assert [c.images.topic for c in episode_evidence(tmp_path / "e").cameras] == ["cam0"]
    assert [c.images.topic for c in episode_evidence(tmp_path / "e", image="made").cameras] == ["made"]
    write_episode(tmp_path / "f", clips, metadata={"synthesised": {"cam0": {}, "made": {}}})
    with pytest.raises(ReadError, match="are synthesised"):
        episode_evidence(tmp_path / "f")
