"""Why an image cannot be converted."""


class CvBridgeError(TypeError):
    """A conversion that is not possible."""
