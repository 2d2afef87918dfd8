"""Rules of meta/augmentation.json, where there is one: nothing synthesised without a mark."""

from __future__ import annotations

from collections.abc import Iterator

from anyview_ros.offline.lerobot.findings import CheckedDataset
from anyview_ros.offline.lerobot.layout import AUGMENTATION, VIDEOS_STORED_AS


def augmentation(dataset: CheckedDataset) -> Iterator[str]:
    """It tells of every episode, of origins that exist, and of keys whose features say that they are synthesised."""
    content = dataset.augmentation
    if content is None:
        return
    try:
        episodes, keys = content["episodes"], content["synthesised_keys"]
        indices = [each["episode_index"] for each in episodes]
        origins = [each["origin_episode_index"] for each in episodes]
        synthesised = {key for each in episodes for key in each["synthesised"]}
    except (KeyError, TypeError) as error:
        yield f"cannot read {AUGMENTATION}: {error!r}"
        return
    count = len(dataset.dataset.episodes)
    if indices != list(range(count)):
        yield f"{AUGMENTATION} tells of episodes {indices}, the dataset has {count}"
    for index, origin in zip(indices, origins, strict=True):
        if origin is not None and not (0 <= origin < count and origins[origin] is None):
            yield f"{AUGMENTATION}: episode {index} has origin {origin}, which is no recorded episode"
    if synthesised != set(keys):
        yield f"{AUGMENTATION}: synthesised_keys are {keys}, episodes tell of {sorted(synthesised)}"
    for name in content.get(VIDEOS_STORED_AS, {}):
        if not (dataset.path / name).is_file():
            yield f"{AUGMENTATION} tells of {name}, which is no file"
    for key in keys:
        feature = dataset.dataset.features.get(key)
        if feature is None:
            yield f"{AUGMENTATION} tells of {key}, which is no feature"
        elif not (feature.get("info") or {}).get("synthesised"):
            yield f"info.json does not say that pictures of {key} are synthesised"
