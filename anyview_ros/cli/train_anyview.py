"""``anyview train anyview``: fine-tune the released model on episodes of one's own."""

from __future__ import annotations

import argparse
from pathlib import Path

from anyview_ros.cli.arguments import add_device, add_seed
from anyview_ros.cli.training_runs import add_place_and_time


def add_network(networks: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the network to ``anyview train``."""
    parser = networks.add_parser(
        "anyview",
        help="fine-tune AnyView's weights by low-rank changes",
        description="Train low-rank changes of AnyView on episodes in the release's format, and write the tuned model. "
        "Run it again to go on.",
        epilog="example: anyview train anyview --weights anyview_weights/ --episodes episodes/ --domain robotics "
        "--output runs/lora",
    )
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="DIR", help="folder of `anyview weights convert`"
    )
    parser.add_argument(
        "--episodes", type=Path, required=True, metavar="DIR", help="an episode, or a folder of episodes"
    )
    add_place_and_time(parser)
    parser.add_argument(
        "--lora", type=int, default=16, metavar="RANK", help="rank of the changes (default: 16)"
    )
    parser.add_argument(
        "--domain",
        help="kind of the data: robotics, ego, metric, driving, kubric; it or --scale must be given",
    )
    parser.add_argument("--scale", type=float, help="in place of --domain: units of moment per metre")
    parser.add_argument("--steps", type=int, default=1000, help="training steps in all (default: 1000)")
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate (default: 1e-4)")
    parser.add_argument("--frames", type=int, default=13, help="frames per clip, 1 + 4 k (default: 13)")
    parser.add_argument(
        "--size",
        type=int,
        nargs=2,
        metavar=("W", "H"),
        help="size of pictures, pixels (default: the release's)",
    )
    add_seed(parser)
    add_device(parser)
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
    trainer = LoraTrainer(arguments.weights, arguments.episodes, arguments.output, config)
    print(
        f"{len(trainer.changed)} layers changed, on {trainer.device}, step {trainer.step} of {config.steps}"
    )
    if not run_shown(trainer, config.steps, end_s):
        return 1
    print(f"tuned weights: {trainer.write_weights()}")
    return 0
