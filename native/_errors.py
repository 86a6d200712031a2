"""Errors that the kernel raises for arguments it refuses."""


class NonCanonicalError(ValueError):
    """An element is not below the order of the scalar field; the message names its position."""


class PointError(ValueError):
    """A point is not canonically encoded, not on the curve or not in the subgroup of order r."""


class DecodingError(Exception):
    """Shares do not lie on one polynomial with few enough wrong rows."""


class DecryptionError(ValueError):
    """A ciphertext hides no small integer under the key; the message names its position."""
