"""The example of a SLURM array, run as SLURM would run it: a process for each job, told its number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from augment_runs import ROOT, augment, command, tree, write_inputs

from anyview_ros.cli import main as cli

SCRIPT = ROOT / "docs" / "examples" / "augment_array.sbatch"


def array_job(index: int, count: int, folder: Path, arguments: list[str]) -> subprocess.Popen[str]:
    given = {
        "INPUT": str(folder / "in"),
        "OUTPUT": str(folder / "out"),
        "SLURM_ARRAY_TASK_ID": str(index),
        "SLURM_ARRAY_TASK_COUNT": str(count),
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.Popen(
        ["bash", str(SCRIPT), *arguments], env={**os.environ, **given}, stderr=subprocess.PIPE, text=True
    )


def test_two_jobs_at_once_and_their_merge_are_one_run(tmp_path: Path) -> None:
    write_inputs(tmp_path / "in")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "anyview"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m anyview_ros.cli.main "$@"\n')
    program.chmod(0o755)
    arguments = command(tmp_path / "in", tmp_path / "out")[4:]
    jobs = [array_job(index, 2, tmp_path, arguments) for index in range(2)]
    for job in jobs:
        _, errors = job.communicate(timeout=100)
        assert job.returncode == 0, errors
    shards = sorted((tmp_path / "out.shards").iterdir())
    assert [shard.name for shard in shards] == ["0", "1"]
    assert cli.main(["merge", *map(str, shards), "--output", str(tmp_path / "out")]) == 0
    augment(tmp_path / "in", tmp_path / "whole")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")
    again = array_job(1, 2, tmp_path, arguments)
    _, errors = again.communicate(timeout=100)
    assert again.returncode == 0, errors


def test_the_warning_before_the_time_limit_reaches_the_program() -> None:
    """Without B: it would go to job steps alone, of which the script begins none (man sbatch)."""
    signals = [line for line in SCRIPT.read_text().splitlines() if line.startswith("#SBATCH --signal")]
    assert signals == ["#SBATCH --signal=B:TERM@120"]
