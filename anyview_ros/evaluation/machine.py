"""The machine and the load that figures were taken under."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """Processor, cores, versions, accelerator if PyTorch is in use, and the load average (1, 5, 15 minutes) now."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(encoding="utf-8").splitlines() if information.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    found: dict[str, Any] = {
        "processor": names[0] if names else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "ros_distro": os.environ.get("ROS_DISTRO", "none"),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch"] = str(torch.__version__)
        found["torch_threads"] = torch.get_num_threads()
        if torch.cuda.is_available():
            found["accelerator"] = torch.cuda.get_device_name()
    return found


def machine_line() -> str:
    """The same in one line."""
    what = machine()
    load = " ".join(f"{value:.1f}" for value in what["load_average"])
    return (
        f"machine: {what['processor']}, {what['cores']} cores; {what['system']}; Python {what['python']}, "
        f"NumPy {what['numpy']}, ROS {what['ros_distro']}; load average {load}"
    )
