from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from filmed import RATE_HZ, moving_clip

from anyview_ros.clips import PosedClip
from anyview_ros.errors import InvalidInputError, ReadError
from anyview_ros.geometry import PinholeCamera, invert_rigid
from anyview_ros.offline.episode_writer import write_episode
from anyview_ros.offline.episodes import Episode, is_episode

ROLES = {"cam0": "target", "cam1": "input"}


def small_clip(count: int = 3, *, depth: bool = False) -> PosedClip:
    rng = np.random.default_rng(0)
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, 0, 3] = np.arange(count)
    return PosedClip(
        rng.integers(0, 256, (count, 12, 16, 3), dtype=np.uint8),
        PinholeCamera(20.0, 21.0, 7.5, 5.5, 16, 12),
        poses,
        np.arange(count) * 100_000_000,
        rng.uniform(0.5, 5, (count, 12, 16)).astype(np.float32) if depth else None,
    )


@pytest.fixture
def episode(tmp_path: Path) -> Path:
    write_episode(tmp_path / "e", {"cam0": small_clip(), "cam1": small_clip(depth=True)}, roles=ROLES)
    return tmp_path / "e"


def test_what_is_written_is_read_back(episode: Path) -> None:
    opened = Episode.open(episode)
    assert (opened.cameras, opened.rate_hz, dict(opened.roles)) == (("cam0", "cam1"), 10.0, ROLES)
    assert opened.with_role("input") == ("cam1",)
    written, read = small_clip(depth=True), opened.clip("cam1")
    np.testing.assert_array_equal(read.frames, written.frames)
    np.testing.assert_array_equal(read.camera_to_world, written.camera_to_world)
    np.testing.assert_array_equal(read.stamps_ns, written.stamps_ns)
    assert read.camera == written.camera
    assert read.depth is not None
    np.testing.assert_allclose(read.depth, written.depth, atol=0.00051)
    assert opened.clip("cam0").depth is None


def test_world2cam_is_inverted(episode: Path) -> None:
    metadata = json.loads((episode / "metadata.json").read_text())
    metadata["extrinsics"]["transform"] = "world2cam"
    (episode / "metadata.json").write_text(json.dumps(metadata))
    read = Episode.open(episode).clip("cam0").camera_to_world
    np.testing.assert_allclose(read, invert_rigid(small_clip().camera_to_world), atol=1e-12)


def test_stacked_lowdim_and_a_video(tmp_path: Path) -> None:
    import av

    clip = moving_clip()
    (tmp_path / "rgb").mkdir()
    (tmp_path / "lowdim").mkdir()
    with av.open(str(tmp_path / "rgb" / "cam0.mp4"), "w") as container:
        stream = container.add_stream("libx264", rate=int(RATE_HZ))
        stream.width, stream.height, stream.pix_fmt = clip.camera.width, clip.camera.height, "yuv420p"
        for frame in clip.frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    np.savez(
        tmp_path / "lowdim" / "cam0.npz",
        timestep=np.arange(len(clip)),
        intrinsics=clip.camera.matrix,
        extrinsics=clip.camera_to_world,
    )
    read = Episode.open(tmp_path).clip("cam0")
    assert read.camera == clip.camera
    np.testing.assert_array_equal(read.stamps_ns, clip.stamps_ns)
    np.testing.assert_allclose(read.camera_to_world, clip.camera_to_world)
    assert np.abs(read.frames.astype(float) - clip.frames).mean() < 8


def test_jpegs_are_read(episode: Path) -> None:
    for file in (episode / "rgb" / "cam0").iterdir():
        pixels = cv2.imread(str(file))
        file.unlink()
        cv2.imwrite(str(file.with_suffix(".jpg")), np.full_like(pixels, 90))
    assert np.abs(Episode.open(episode).clip("cam0").frames.astype(int) - 90).max() <= 2


def test_objects_are_never_unpickled(episode: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (tmp_path / "sprung",)  # type: ignore[return-value]

    file = next((episode / "lowdim" / "cam0").iterdir())
    np.savez(file, intrinsics=np.array([Trap()], dtype=object), extrinsics=np.eye(4))
    with pytest.raises(ReadError, match="numbers only"):
        Episode.open(episode).clip("cam0")
    assert not (tmp_path / "sprung").exists()


def spoil_compressed(file: Path) -> None:
    """As np.savez_compressed writes it, with bytes changed among the numbers."""
    np.savez_compressed(file, intrinsics=np.eye(3), extrinsics=np.eye(4))
    content = bytearray(file.read_bytes())
    content[70:90] = bytes(20)
    file.write_bytes(content)


def shrink(picture: Path) -> None:
    cv2.imwrite(str(picture), cv2.imread(str(picture), cv2.IMREAD_UNCHANGED)[::2, ::2])


def read_all(episode: Path) -> list[PosedClip]:
    opened = Episode.open(episode)
    return [opened.clip(camera) for camera in opened.cameras]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda e: next((e / "rgb" / "cam0").iterdir()).unlink(), "2 pictures but 3 lowdim"),
        (lambda e: next((e / "rgb" / "cam0").iterdir()).write_bytes(b"\x89PNG"), "cannot read picture"),
        (lambda e: next((e / "lowdim" / "cam0").iterdir()).write_bytes(b"PK\x03"), "cannot read .*npz"),
        (lambda e: spoil_compressed(next((e / "lowdim" / "cam0").iterdir())), "cannot read .*npz"),
        (
            lambda e: np.save((e / "lowdim" / "cam0" / "0000000000.npz").open("wb"), np.eye(3)),
            "cannot read .*npz",
        ),
        (
            lambda e: np.savez(next((e / "lowdim" / "cam0").iterdir()), intrinsics=np.eye(3)),
            "extrinsics must be",
        ),
        (lambda e: next((e / "depth" / "cam1").iterdir()).unlink(), "depth for 2 of 3"),
        (lambda e: shrink(next((e / "depth" / "cam1").iterdir())), r"depth of \(6, 8\) and of \(12, 16\)"),
        (lambda e: (e / "metadata.json").write_text("{"), "must be JSON"),
        (lambda e: (e / "metadata.json").write_text("[]"), "JSON object"),
        (lambda e: (e / "metadata.json").write_text('{"extrinsics": {"transform": "w2c"}}'), "w2c"),
    ],
)
def test_broken_episodes_are_refused_in_clear_words(episode: Path, spoil: object, message: str) -> None:
    spoil(episode)  # type: ignore[operator]
    with pytest.raises(ReadError, match=message):
        read_all(episode)


def test_intrinsics_that_change_are_refused(episode: Path) -> None:
    file = sorted((episode / "lowdim" / "cam0").iterdir())[1]
    np.savez(file, timestep=1, intrinsics=np.diag([30.0, 30.0, 1.0]), extrinsics=np.eye(4))
    with pytest.raises(ReadError, match="intrinsics of cam0 change"):
        Episode.open(episode).clip("cam0")


def test_no_episode_and_no_camera(tmp_path: Path, episode: Path) -> None:
    assert is_episode(episode)
    with pytest.raises(ReadError, match="no episode"):
        Episode.open(tmp_path)
    with pytest.raises(ReadError, match="has no camera 'cam7'; it has cam0, cam1"):
        Episode.open(episode).clip("cam7")


def test_what_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="one timestep"):
        write_episode(tmp_path / "e", {"cam0": small_clip()}, rate_hz=1.0)
    assert list(tmp_path.iterdir()) == []


def test_an_episode_that_exists_is_kept(episode: Path) -> None:
    with pytest.raises(InvalidInputError, match="exists"):
        write_episode(episode, {"cam0": small_clip()})
    assert len(Episode.open(episode).clip("cam1")) == 3


def test_a_camera_name_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no file name"):
        write_episode(tmp_path / "e", {"../cam0": small_clip()})


def test_an_episode_that_was_never_finished_is_none(tmp_path: Path) -> None:
    for name in ("e.1@here.01234567.partial", "e"):
        (tmp_path / name / "rgb").mkdir(parents=True)
    assert [path.name for path in tmp_path.iterdir() if is_episode(path)] == ["e"]
