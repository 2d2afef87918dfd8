from __future__ import annotations

from dataclasses import replace

from anyview_ros.training.look_beyond_panorama_films import film_panoramas
from benchmarks.look_beyond_seam import PLAN, Setting, line_of, score


def test_the_seam_loss_closes_the_seam_of_samples() -> None:
    """Two of the settings, in small: the table itself takes 300 steps on 200 rooms for each."""
    train = film_panoramas(PLAN, 0, 16)
    held_out = film_panoramas(replace(PLAN, held_out=True), 0, 6)
    for seed in range(3):
        without, with_loss = (
            score(Setting(weight, roll=True, circular=False), seed, 80, train, held_out, batch=6)
            for weight in (0.0, 3.0)
        )
        assert with_loss.seam_error < without.seam_error - 2, line_of([without, with_loss])
