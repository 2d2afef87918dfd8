#!/usr/bin/env python3
"""Run every check and test of the project, each test file that needs ROS in a process and a domain of its own.

Run through tools/with_ros, or by `make test`. Nothing stops at the first failure: all parts are run, then summed up.
The last line counts the tests of all pytest runs together.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "test" / "support"))
from domains import DOMAINS, free_domain  # noqa: E402

LOGS = ROOT / "log" / "tests"
FILE_LIMIT_S = 400
UNIT_LIMIT_S = 1800
LONG_LIMIT_S = 7200
KILTED_LIMIT_S = 900
FAILURE_LINES = 25
MOST_WORKERS = 4  # each takes up to 3 GB
SMOKE_TEST = ROOT / "test" / "graph" / "test_smoke.py"


@dataclass
class Tally:
    """Tests counted from the reports of pytest, and the commands that failed."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add_report(self, path: Path) -> int:
        """Count one report and return how many tests in it ran; no report counts as one failed test."""
        suite = suite_of(path)
        if suite is None:
            self.failed += 1
            return 0
        total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        self.passed += max(total - skipped - failed, 0)
        self.failed += failed
        self.skipped += skipped
        return total - skipped


def suite_of(path: Path) -> ElementTree.Element | None:
    """The one suite of a report of pytest; none where no report was written."""
    if not path.is_file():
        return None
    return ElementTree.parse(path).getroot().find("testsuite")  # noqa: S314 - pytest has just written it


def failures_in(path: Path) -> list[str]:
    """For each test of a report that failed: a line with its name, and then the end of what pytest says of it."""
    suite = suite_of(path)
    lines = []
    for case in suite.iter("testcase") if suite is not None else ():
        for outcome in (*case.iter("failure"), *case.iter("error")):
            lines.append(
                f"{case.get('classname')}::{case.get('name')}: {(outcome.get('message') or '')[:200]}"
            )
            lines += [f"    {line}" for line in (outcome.text or "").splitlines()[-FAILURE_LINES:]]
    return lines


def run(command: list[str], *, log: Path, limit_s: float, env: dict[str, str]) -> int:
    """Run a command with its output in a file; at the limit its whole process group is killed. Returns its status."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            return process.wait(limit_s)
        except subprocess.TimeoutExpired:
            output.write(f"\nstopped: not done after {limit_s} s\n")
            return 124
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


class Runner:
    """Runs the parts and keeps the score."""

    def __init__(self, *, long: bool) -> None:
        """Start from nought; `long` takes the tests marked so, instead of all others."""
        self.long = long
        self.tally = Tally()
        # None is taken twice: a file that was stopped may leave nodes.
        self._domains: Iterator[int] = iter(DOMAINS)

    def ruff(self) -> None:
        """Rules."""
        self.command("ruff check", ["ruff", "check", "."])

    def format(self) -> None:
        """Layout."""
        self.command("ruff format", ["ruff", "format", "--check", "."])

    def mypy(self) -> None:
        """Types."""
        self.command("mypy", ["mypy"])

    def unit(self) -> None:
        """Tests that start no graph, file by file in a process for each core."""
        command = ["test", "--ignore=test/graph", "--timeout=1800" if self.long else "--timeout=120"]
        command += ["--continue-on-collection-errors"]
        command += ["-n", str(min(len(os.sched_getaffinity(0)), MOST_WORKERS)), "--dist=loadfile"]
        self.pytest("unit", command, limit_s=LONG_LIMIT_S if self.long else UNIT_LIMIT_S)

    def underlay(self) -> None:
        """Tests of underlay/ itself and of those of its packages that this environment needs, file by file."""
        missing = subprocess.run(
            [sys.executable, "underlay/missing.py"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.split()
        for package in ["", *sorted(missing)]:
            for path in sorted((ROOT / "underlay" / package / "test").glob("test_*.py")):
                self.graph_file(path)

    def graph(self) -> None:
        """Tests of real processes, file by file."""
        for path in sorted((ROOT / "test" / "graph").rglob("test_*.py")):
            self.graph_file(path)

    def kilted(self) -> None:
        """Set up and build on Kilted, and see the nodes answer."""
        env = {name: value for name, value in os.environ.items() if name != "DISTRO"} | {"DISTRO": "kilted"}
        if self.command("kilted: set-up", ["tools/setup"], env=env, limit_s=KILTED_LIMIT_S) and self.command(
            "kilted: build", ["tools/build"], env=env, limit_s=KILTED_LIMIT_S
        ):
            self.graph_file(SMOKE_TEST, prefix="kilted: ", env=env)

    def graph_file(self, path: Path, *, prefix: str = "", env: dict[str, str] | None = None) -> None:
        """One file in a process and a domain of its own; a file of which nothing runs is a failure."""
        name = prefix + str(path.relative_to(ROOT))
        limit_s = LONG_LIMIT_S if self.long else FILE_LIMIT_S
        arguments = [str(path.relative_to(ROOT)), "--timeout=180"]
        with free_domain(self._domains) as domain:
            environment = dict(env or os.environ) | {"ROS_DOMAIN_ID": str(domain)}
            self.pytest(name, arguments, env=environment, limit_s=limit_s)

    def command(
        self, name: str, command: list[str], *, env: dict[str, str] | None = None, limit_s: float = 600.0
    ) -> bool:
        """Run one command, say how it went, and return whether it did well."""
        log = LOGS / f"{name.replace('/', '_').replace(': ', '_').replace(' ', '_')}.log"
        start = time.monotonic()
        status = run(command, log=log, limit_s=limit_s, env=env or dict(os.environ))
        self.say(name, status == 0, time.monotonic() - start, log)
        return status == 0

    def pytest(
        self, name: str, arguments: list[str], *, limit_s: float, env: dict[str, str] | None = None
    ) -> None:
        """Run pytest once and count its tests."""
        stem = name.replace("/", "_").replace(": ", "_")
        log, report = LOGS / f"{stem}.log", LOGS / f"{stem}.xml"
        report.unlink(missing_ok=True)
        marks = "long" if self.long else "not long"
        command = ["tools/with_ros", "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", marks]
        command += [f"--junitxml={report}", *arguments]
        start = time.monotonic()
        status = run(command, log=log, limit_s=limit_s, env=env or dict(os.environ))
        if status == 5 and self.long:  # a file without long tests
            return
        before = self.tally.passed, self.tally.failed, self.tally.skipped
        ran = self.tally.add_report(report)
        passed, failed, skipped = (
            now - then
            for now, then in zip(
                (self.tally.passed, self.tally.failed, self.tally.skipped), before, strict=True
            )
        )
        counts = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
        good = status == 0 and ran > 0
        if not good and failed == 0:
            self.tally.failed += 1  # the run as a whole: killed, empty, or not even collected
        self.say(name, good, time.monotonic() - start, log, counts, failures_in(report))

    def say(
        self,
        name: str,
        good: bool,
        seconds: float,
        log: Path,
        counts: str = "",
        failures: Sequence[str] = (),
    ) -> None:
        """Print one line, and of what did not do well the failures, or the end of the log where none is known."""
        print(f"{'ok  ' if good else 'FAIL'} {name:<58} {seconds:6.1f} s  {counts}", flush=True)
        if good:
            return
        tests = "".join(f"\n    {line}" for line in failures if not line.startswith(" "))
        self.tally.failures.append(f"{name}: {log.relative_to(ROOT)}{tests}")
        lines = failures or log.read_text(errors="replace").splitlines()[-60:]
        print("\n".join(f"     | {line}" for line in lines), flush=True)


def main() -> int:
    """Run the parts asked for."""
    parts = ["ruff", "format", "mypy", "unit", "underlay", "graph", "kilted"]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help=f"comma-separated, out of {','.join(parts)}")
    parser.add_argument("--long", action="store_true", help="the tests marked long, instead of all others")
    arguments = parser.parse_args()
    chosen = arguments.only.split(",") if arguments.only else (["unit", "graph"] if arguments.long else parts)
    if unknown := set(chosen) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ["PYTHONUNBUFFERED"] = "1"
    runner = Runner(long=arguments.long)
    start = time.monotonic()
    for part in chosen:
        method: Callable[[], None] = getattr(runner, part)
        method()
    tally = runner.tally
    for failure in tally.failures:
        print(f"failed: {failure}")
    skipped = f", {tally.skipped} skipped" if tally.skipped else ""
    print(f"{len(chosen)} parts in {time.monotonic() - start:.0f} s{skipped}")
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failures else 0


if __name__ == "__main__":
    sys.exit(main())
