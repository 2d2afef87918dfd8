from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from augment_runs import command, start, tree, write_inputs

from anyview_ros.cli import main as cli


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_inputs(tmp_path_factory.mktemp("in") / "in", 2)


def test_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        cli.main(["augment", "--help"])
    assert end.value.code == 0
    told = capsys.readouterr().out
    for word in ("examples:", "--resume", "--shard", "--min-coverage", "manifest.jsonl", "anyview merge"):
        assert word in told


def test_views_help_lists_the_presets(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["augment", "--views", "help"]) == 0
    told = capsys.readouterr().out
    for preset in ("vista_small", "vista_arc", "roviaug_ultra", "orbit", "camera", "frame", "fixed"):
        assert preset in told


def test_a_dry_run_tells_all_and_writes_nothing(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(command(inputs, tmp_path / "out", "--dry-run", "--size", "32x24")) == 0
    told = capsys.readouterr().out
    assert "from camera front: 3 frames at 10 Hz" in told
    assert "views vista_small_0, like_side: 64x48, 6 pictures" in told
    assert "2 episodes, 14 pictures to make" in told
    assert list(tmp_path.iterdir()) == []


def test_a_dry_run_for_machines(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command(inputs, tmp_path / "out", "--dry-run", "--json", "--shard", "1/2")) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["episode"] for each in told["episodes"]] == ["episode_1"]
    assert told["new_frames"] == 8
    assert told["episodes"][0]["part_bytes"] > 8 * 3 * 64 * 48
    assert told["free_bytes"] > 0


def test_a_run_tells_what_was_made(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = command(inputs, tmp_path / "out")
    assert cli.main(arguments) == 0
    told = capsys.readouterr()
    assert "2 episodes, 4 of 4 views kept, 14 pictures, which are synthesised" in told.out
    assert "[2/2] episode_1: done, 2 of 2 views kept" in told.err
    assert cli.main(arguments) == 2
    assert "give --overwrite" in capsys.readouterr().err
    assert cli.main([*arguments, "--resume"]) == 0
    assert "whole already" in capsys.readouterr().out


def test_a_failure_is_told_with_the_way_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = write_inputs(tmp_path / "in", 2)
    file = min((inputs / "episode_0" / "rgb" / "front").iterdir())
    file.write_bytes(b"no picture")
    assert cli.main(command(inputs, tmp_path / "out", "--json")) == 2
    told = capsys.readouterr()
    last = json.loads(told.out.splitlines()[-1])
    assert last["event"] == "failed"
    assert str(file) in last["failures"]["episode_0"]
    assert "1 of 2 episodes could not be done" in told.err
    assert "--resume" in told.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shard", "2/2"], "shard is 2/2; give i/n with i from 0"),
        (["--source-option", "fixed_frame"], "--source-option is 'fixed_frame'; give NAME=VALUE"),
        (["--source-option", "fixed_frame=map"], "a release-format episode knows no option fixed_frame"),
        (["--actors", "2"], "are for --engine ray"),
        (["--threads", "0"], "threads is 0"),
        (["--samples", "0"], "samples is 0"),
        (["--option", "depht=1"], "unknown option 'depht'"),
        (["--max-lpips", "0.5"], "max_lpips needs the network's weights"),
        (["--views", "vista_smal"], "no view 'vista_smal'"),
        (["--camera", "rear"], "no camera 'rear'"),
        (["--format", "bag"], "no bag"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    assert cli.main(command(inputs, tmp_path / "out", *arguments)) == 2
    errors = capsys.readouterr().err
    assert told in errors
    assert errors.startswith("anyview augment: ")
    assert list(tmp_path.iterdir()) == []


def test_inputs_and_output_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["augment", "--views", "vista_small"]) == 2
    assert "give at least one INPUT, and --output" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_cleanly_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    inputs = write_inputs(tmp_path / "in", 2, frames=60)
    arguments = command(inputs, tmp_path / "out")
    with start([*arguments, "--json"]) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "episode_advanced":
                break
        process.send_signal(number)
        out, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out.splitlines()[-1])["event"] == "interrupted"
    assert "run the same command with --resume to go on" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out").exists()
    assert not list((tmp_path / "out.partial").glob("**/*.partial"))
    assert cli.main([*arguments, "--resume"]) == 0
    assert cli.main(command(inputs, tmp_path / "whole")) == 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_shards_are_merged(inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(2):
        assert cli.main(command(inputs, tmp_path / str(index), "--shard", f"{index}/2")) == 0
    assert "shard 1/2, 1 episode; `anyview merge` puts shards together" in capsys.readouterr().out
    shards = [str(tmp_path / str(index)) for index in range(2)]
    assert cli.main(["merge", *shards, "--output", str(tmp_path / "out"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["event"], told["episodes"], told["kept"]) == ("done", 2, 4)
    assert cli.main(["merge", *shards[1:], "--output", str(tmp_path / "other")]) == 2
    assert "shard 0/2 is missing" in capsys.readouterr().err


def test_that_nothing_was_kept_is_told_with_the_reasons(
    inputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [*command(inputs, tmp_path / "out"), "--min-coverage", "1.0", "--attempts", "1"]
    assert cli.main(arguments) == 0
    told = capsys.readouterr()
    assert "0 of 4 views kept" in told.out
    assert "no view was kept, so nothing was added: Its coverage is" in told.err
