"""The only boundary between protobuf and domain values of the provers.

``*_from_wire`` checks every length, count, bound, canonical scalar and curve point and raises ``WireError``
with the field's name; whatever it returns is valid.  ``*_to_wire`` is its inverse.  Nothing past a servicer
knows protobuf.
"""
