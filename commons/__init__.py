"""What every role speaks: sharing, the protocol's messages, settings, storage, the chain and the wire.

It knows no role.  `docs/architecture.md` says which room holds what and what it may import.
"""

VERSION = "0.1.0"
