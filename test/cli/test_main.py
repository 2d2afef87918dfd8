import subprocess
import sys
from pathlib import Path

import pytest

from anyview_ros.cli import main as cli


def test_help_answers_without_heavy_packages() -> None:
    code = (
        "import sys\n"
        "from anyview_ros.cli.main import build_parser\n"
        "build_parser().format_help()\n"
        "heavy = {'torch', 'rclpy', 'cv2', 'diffusers', 'av', 'ray'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("methods", "doctor", "demo"):
        with pytest.raises(SystemExit) as end:
            cli.main([command, "--help"])
        assert end.value.code == 0
        assert len(capsys.readouterr().out) > 300


def test_methods_are_listed_with_the_default_marked(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert "copy_source" in listed
    assert listed.count("(default)") == 1


def test_a_method_tells_what_it_can_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["methods", "reprojection"]) == 0
    told = capsys.readouterr().out
    assert "uses_depth: True" in told
    assert "depth_m" in told


def test_an_unknown_method_is_an_error_that_names_the_known(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["methods", "clairvoyance"]) == 2
    assert "reprojection" in capsys.readouterr().err


def test_an_input_that_does_not_exist_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--input", "no/such/film.mp4"]) == 2
    assert "no/such/film.mp4" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    params = str(Path(__file__).resolve().parents[2] / "config" / "virtual_cameras.yaml")
    output = str(tmp_path / "file" / "policy.xml")
    assert cli.main(["security-policy", params, "--output", output]) == 2
    assert "anyview security-policy: " in (told := capsys.readouterr().err)
    assert "policy.xml" in told
    assert "Traceback" not in told
