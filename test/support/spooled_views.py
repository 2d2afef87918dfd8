"""Views of a film as a run would have spooled them, made without a method: the source's pictures, mirrored."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anyview_ros.geometry import PinholeCamera
from anyview_ros.offline.augment.output_format import Part
from anyview_ros.offline.augment.records import JobRecord, ViewRecord
from anyview_ros.offline.augment.source_episode import SourceEpisode
from anyview_ros.offline.augment.spool import SpooledView, SpoolWriter, ViewFrame
from anyview_ros.offline.posed_film import PosedFilm

PROVENANCE = {"method": "mirrored", "seed": 3, "sampler": "fixed"}


def mirrored_view(
    film: PosedFilm, folder: Path, name: str = "left", *, size: tuple[int, int] | None = None
) -> SpooledView:
    """Each picture mirrored, from a camera 0.1 m to the right; ``size`` crops it."""
    width, height = size or film.camera.size
    camera = PinholeCamera(film.camera.fx, film.camera.fy, film.camera.cx, film.camera.cy, width, height)
    poses = film.camera_to_world.copy()
    poses[:, :3, 3] += 0.1 * poses[:, :3, 0]
    with SpoolWriter(folder / name) as spool:
        for frame in film.frames(range(len(film))):
            image = np.ascontiguousarray(frame.image[:height, :width][:, ::-1])
            spool.add(ViewFrame(image, np.full((height, width), 200, np.uint8)))
    return SpooledView(
        name,
        film.name,
        camera,
        poses,
        film.stamps_ns,
        bool((poses == poses[0]).all()),
        dict(PROVENANCE),
        folder / name,
    )


def part_of(
    folder: Path,
    episode: SourceEpisode,
    views: list[SpooledView],
    name: str = "",
    left_out: tuple[str, ...] = (),
) -> Part:
    """The part that a job has written to ``folder``, with a record that tells of its views."""
    records = tuple(
        ViewRecord(
            each,
            views[0].source if views else "",
            "fixed",
            {},
            0,
            1,
            1,
            fixed=True,
            provenance={},
            attempts=(),
            kept=each not in left_out,
        )
        for each in (*(view.name for view in views), *left_out)
    )
    return Part(
        JobRecord(
            key="0",
            episode=name or episode.name,
            input=episode.path.name,
            kind=episode.kind,
            described={},
            views=records,
            losses=(),
            files={},
        ),
        folder,
    )
