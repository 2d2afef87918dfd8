"""Robot-learning datasets with more cameras: every episode again, with synthesised views beside what was recorded.

One episode is one job, and a job is idempotent: sources give :class:`~anyview_ros.offline.augment.source_episode.
SourceEpisode`, samplers draw views, views are synthesised into a spool on disk and judged, and an output format writes
those that pass. A run is the jobs of all episodes, then one assembly of their parts; shards run some of the jobs, and a
merge assembles them all.
"""
