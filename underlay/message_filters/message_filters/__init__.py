"""Messages of several topics, brought together by their stamps."""

from .approximate_time_synchronizer import ApproximateTimeSynchronizer
from .cache import Cache
from .simple_filter import SimpleFilter
from .subscriber import Subscriber
from .time_synchronizer import TimeSynchronizer

__all__ = ["ApproximateTimeSynchronizer", "Cache", "SimpleFilter", "Subscriber", "TimeSynchronizer"]
