"""Methods judged on benchmarks of recorded episodes: ``anyview evaluate``."""

from anyview_ros.offline.evaluate.benchmark import BenchmarkEpisode, find_episodes
from anyview_ros.offline.evaluate.running import EvaluatedMethod, EvaluationSettings, evaluate
from anyview_ros.offline.evaluate.store import ResultStore

__all__ = [
    "BenchmarkEpisode",
    "EvaluatedMethod",
    "EvaluationSettings",
    "ResultStore",
    "evaluate",
    "find_episodes",
]
