"""Real processes, killed at random instants: what is done again has the same bytes as if nothing had happened."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from augment_runs import Tree, command, start, tree, write_inputs
from bag_maker import entries, write_bag
from filmed import moving_clip
from lerobot_maker import CALIBRATION, write_dataset

from anyview_ros.cli import main as cli


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody disturbed.

    Attributes:
        arguments: of the command, but the output.
        output: its files.
        lines: that it printed.
        gaps_s: from each line to the next.
    """

    arguments: Callable[[Path], list[str]]
    output: Tree
    lines: tuple[str, ...]
    gaps_s: tuple[float, ...]


def bags(folder: Path) -> Path:
    for name, side in (("one", 0.0), ("two", 0.5)):
        write_bag(folder / name, entries(moving_clip(side)))
    return folder


def episode_command(folder: Path) -> Callable[[Path], list[str]]:
    inputs = write_inputs(folder / "in")
    return lambda output: command(inputs, output, "--json")


def bag_command(folder: Path) -> Callable[[Path], list[str]]:
    inputs = bags(folder / "in")
    views = ["--views", "vista_small", "--method", "reprojection", "--min-coverage", "none", "--json"]
    return lambda output: ["augment", str(inputs), "--output", str(output), *views]


def lerobot_command(folder: Path) -> Callable[[Path], list[str]]:
    dataset = write_dataset(folder / "in")
    (dataset / "calibration.yaml").write_text(CALIBRATION)
    views = [
        "--views",
        "vista_small",
        "--format",
        "lerobot",
        "--method",
        "copy_source",
        "--min-coverage",
        "none",
    ]
    return lambda output: ["augment", str(dataset), "--output", str(output), *views, "--json"]


COMMANDS = {"episodes": episode_command, "bag": bag_command, "lerobot": lerobot_command}


@pytest.fixture(scope="module", params=sorted(COMMANDS))
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    folder = tmp_path_factory.mktemp(request.param)
    arguments = COMMANDS[request.param](folder)
    with start(arguments(folder / "out")) as process:
        assert process.stdout is not None
        told = [(line, time.monotonic()) for line in process.stdout]
        assert process.wait() == 0, process.stderr and process.stderr.read()
    gaps_s = tuple(later - earlier for (_, earlier), (_, later) in pairwise(told))
    return Undisturbed(arguments, tree(folder / "out"), tuple(line for line, _ in told), gaps_s)


def kill_at(undisturbed: Undisturbed, output: Path, generator: random.Random) -> tuple[bool, str]:
    """Begin a run and kill it at some instant; whether it was killed in the middle, and when that was."""
    event = generator.randrange(len(undisturbed.gaps_s))
    delay_s = generator.random() * undisturbed.gaps_s[event]
    with start(undisturbed.arguments(output)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(event + 1)]
        time.sleep(delay_s)
        process.kill()
        process.wait()
    return process.returncode == -9, f"{1e3 * delay_s:.0f} ms after {lines[-1].strip()[:200]}"


def check(undisturbed: Undisturbed, folder: Path, seed: int) -> bool:
    output = folder / "out"
    killed, when = kill_at(undisturbed, output, random.Random(seed))
    assert cli.main([*undisturbed.arguments(output), "--resume"]) == 0, f"seed {seed}, killed {when}"
    assert tree(output) == undisturbed.output, f"seed {seed}, killed {when}"
    assert [path.name for path in folder.iterdir()] == ["out"], f"seed {seed}, killed {when}"
    return killed


def test_a_killed_run_gives_the_same_bytes(undisturbed: Undisturbed, tmp_path: Path) -> None:
    assert any(check(undisturbed, made(tmp_path / str(seed)), seed) for seed in range(10)), (
        "no kill came before the end"
    )


@pytest.mark.long
def test_a_run_killed_at_twenty_instants_gives_the_same_bytes(
    undisturbed: Undisturbed, tmp_path: Path
) -> None:
    killed = [check(undisturbed, made(tmp_path / str(seed)), 1000 + seed) for seed in range(20)]
    assert sum(killed) >= 15, "most kills came after the end"


@pytest.mark.parametrize("undisturbed", ["bag"], indirect=True)
def test_a_run_killed_again_and_again_comes_to_its_end(undisturbed: Undisturbed, tmp_path: Path) -> None:
    """Each process is killed a little later than the one before."""
    output = tmp_path / "out"
    for lines in (2, 3):
        with start([*undisturbed.arguments(output), "--resume"]) as process:
            assert process.stdout is not None
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
            process.wait()
    assert cli.main([*undisturbed.arguments(output), "--resume"]) == 0
    assert tree(output) == undisturbed.output


def made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_the_events_of_a_run_are_lines_of_json(undisturbed: Undisturbed) -> None:
    events = [json.loads(line)["event"] for line in undisturbed.lines]
    assert events[0] == "run_begun"
    assert events[-2:] == ["assembly_begun", "done"]
    assert events.count("episode_done") == events.count("episode_begun") > 1
