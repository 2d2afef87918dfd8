from __future__ import annotations

import os
import platform

from anyview_ros.evaluation.machine import machine, machine_line


def test_the_machine_is_told() -> None:
    told = machine()
    assert told["cores"] == os.cpu_count()
    assert told["python"] == platform.python_version()
    assert told["processor"]
    assert len(told["load_average"]) == 3
    assert f"{os.cpu_count()} cores" in machine_line()


def test_pytorch_is_told_where_it_is_in_use() -> None:
    import torch

    told = machine()
    assert told["torch"] == torch.__version__
    assert told["torch_threads"] == torch.get_num_threads()
