"""``anyview train anyview``: fine-tune the released model on episodes of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "anyview",
        help="fine-tune AnyView's weights by low-rank changes",
        description="Train low-rank changes of AnyView on episodes in the release's format, and write the tuned model. "
        "Run it again to go on.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--weights", type=Path, required=True, help="folder of `anyview weights convert`")
    parser.add_argument("--episodes", type=Path, required=True, help="an episode, or a folder of episodes")
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--lora", type=int, default=16, metavar="RANK", help="rank of the changes")
    parser.add_argument("--domain", help="kind of the data: robotics, ego, metric, driving, kubric")
    parser.add_argument("--scale", type=float, help="units of moment per metre instead")
    parser.add_argument("--steps", type=int, default=1000, help="steps in all")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--frames", type=int, default=13, help="frames per clip, 1 + 4 k")
    parser.add_argument(
        "--size", type=int, nargs=2, metavar=("W", "H"), help="size of pictures; none: the release's"
    )
    parser.add_argument("--seed", type=int, default=0, help="of every random draw")
    parser.add_argument("--device", help="torch device; none: CUDA if there is one")
    parser.add_argument(
        "--minutes", type=float, help="stop so long after the command began; run again to go on"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Train; 0 when the end was reached and the model written, 1 when the time was up before."""
    from anyview_ros.cli.training_runs import run_shown, time_is_up_at

    end_s = time_is_up_at(arguments)
    from anyview_ros.training.anyview_lora import LoraConfig, LoraTrainer, lora_optimiser

    config = LoraConfig(
        rank=arguments.lora,
        steps=arguments.steps,
        optimiser=lora_optimiser(arguments.rate),
        device=arguments.device or "auto",
        frames=arguments.frames,
        domain=arguments.domain,
        scale=arguments.scale,
        size=None if arguments.size is None else tuple(arguments.size),
        seed=arguments.seed,
    )
    trainer = LoraTrainer(arguments.weights, arguments.episodes, arguments.out, config)
    print(
        f"{len(trainer.changed)} layers changed, on {trainer.device}, step {trainer.step} of {config.steps}"
    )
    if not run_shown(trainer, config.steps, end_s):
        return 1
    print(f"tuned weights: {trainer.write_weights()}")
    return 0
