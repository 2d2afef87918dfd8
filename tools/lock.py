#!/usr/bin/env python3
"""Pin every package, with all that it needs, for each Python that is served: writes requirements/locked-<distro>.txt.

    tools/lock.py jazzy python3.11 python3.12 python3.13

Give the interpreters from the oldest to the newest: what the oldest needs is kept for the others, which only add
what they alone need. Nothing is installed; pip resolves, and downloads only where a package's description asks for it.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def requirement_lists(distro: str) -> list[Path]:
    """Return the lists that a development installation takes."""
    ours = [ROOT / "requirements" / f"{name}.txt" for name in ("runtime", "dev", "build")]
    return [ROOT / "ros_from_pypi" / f"{distro}.txt", *ours]


def resolve(python: str, lists: list[Path], pinned: dict[str, str]) -> dict[str, str]:
    """Return name → version of all that pip would install with this interpreter, held to what is pinned."""
    with tempfile.TemporaryDirectory() as folder:
        report, constraints = Path(folder, "report.json"), Path(folder, "constraints.txt")
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pinned.items()))
        command = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--report", str(report), "--constraint", str(constraints)]
        for path in lists:
            command += ["--requirement", str(path)]
        subprocess.run(command, check=True)
        found = json.loads(report.read_text())["install"]
    versions = {}
    for item in found:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        versions[name] = item["metadata"]["version"].partition("+")[
            0
        ]  # torch's +cpu is a choice of the index
    return versions


def main() -> None:
    """Resolve with each interpreter in turn and write the list."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("distro", choices=["jazzy", "kilted"])
    parser.add_argument("pythons", nargs="+", metavar="python", help="interpreters, the oldest first")
    arguments = parser.parse_args()
    pinned: dict[str, str] = {}
    for python in arguments.pythons:
        print(f"{arguments.distro}: resolving with {python}", flush=True)
        pinned |= resolve(python, requirement_lists(arguments.distro), pinned)
    target = ROOT / "requirements" / f"locked-{arguments.distro}.txt"
    lines = [f"{name}=={version}\n" for name, version in sorted(pinned.items())]
    target.write_text(
        f"# Written by `make lock DISTRO={arguments.distro}`; a constraints file for pip.\n" + "".join(lines)
    )
    print(f"{arguments.distro}: {len(lines)} packages in {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
