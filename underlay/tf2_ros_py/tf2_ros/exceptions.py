"""Why a lookup failed. All derive from TransformException."""


class TransformException(Exception):
    """A transform cannot be given."""


class ConnectivityException(TransformException):
    """Both frames are known, but belong to two trees."""


class LookupException(TransformException):
    """A frame is not known, or the tree has a loop."""


class ExtrapolationException(TransformException):
    """The frames are connected, but not at the instant that was asked for."""


class InvalidArgumentException(TransformException):
    """A frame name is empty or begins with a slash."""


class TimeoutException(TransformException):
    """The transform did not arrive in time."""
