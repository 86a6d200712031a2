"""A market in one process under a seeded scheduler: the real coordinator loop, the real provers, their real disks.

Only what lies outside of a node is a model: the time, the network, the chain, and what a disk may do.  A seed gives a
`Schedule`, the schedule is everything that goes wrong, and the same schedule goes wrong in the same way again.
"""
