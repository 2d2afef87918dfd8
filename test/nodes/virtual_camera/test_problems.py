from __future__ import annotations

from anyview_ros.nodes.virtual_camera.problems import ProblemBoard, Stage


def test_the_earliest_stage_explains_those_after_it() -> None:
    board = ProblemBoard()
    assert board.first() == ""
    board.set(Stage.ENGINE, "away")
    board.set(Stage.TF, "no frame")
    assert board.first() == "no frame"
    board.set(Stage.TF, "")
    assert board.first() == "away"
    assert board.at(Stage.ENGINE) == "away"
    board.clear()
    assert board.first() == ""
