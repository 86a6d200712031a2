"""The leak meter: how much about honest gradients follows from what an adversary sees, counted as a dimension.

The adversary is the coordinator, up to t provers and any owners.  It drives the real party code
(`provers.party.handle`) at toy size; beside every value that the kernel computes a tangent is carried, its derivative
by the honest owners' gradients and bits (x) and by the honest randomness (u), with challenges held constant.  What the
adversary sees is then a pair of Jacobians J_x and J_u, and its *leak space* is {l J_x : l J_u = 0}: the linear
functionals of x that no randomness hides, to first order at the point of the run.  Its dimension is rank [J_x | J_u] -
rank J_u.  Points count by their exponents, as if every trapdoor were the adversary's.

`linear`      row spaces over F, and the leak space of one;
`tangents`    which value has which tangent;
`kernel`      the kernel's functions with tangents beside them;
`toy`         the protocol at a size where all of this takes milliseconds;
`dealing`     an owner's vector and shares, with a direction for everything in them that is secret;
`stage`       committee, keys and submissions: what no schedule changes;
`world`       provers at work and a chain; `view`: what the adversary has seen; `answers`: what parties have said;
`adversary`   a coordinator that relays what it likes, corrupt provers that say different things to different provers;
`corruptwords` what those say;
`hiddenbits`  the noise of graded cohorts: squares are public, the bits behind them secrets; `bitchecks`: their check;
`batches`     what it makes of their words: audit bundles and certificates;
`allowed`     what may leak: sums of accepted batches, numbers of the owners of one graded set, and what the tests of an
              honest owner's validity say;
`schedules`   who is asked what, in every order that matters at the smallest size, at random beyond.

A message of a corrupt prover is a function of the view, so its own derivative adds nothing to the rows' span: it may be
taken as a constant or followed, and it is followed where it is known.

What it cannot see: the bit that a refusal is; values that vanish to second order at the point of the run; a challenge
that does not bind what it should, but for what leaks under it; statistical distances (the masks of projections count as
uniform); the sizes of sets and weights (`tests/privacy/test_beyond_the_leak_meter.py`).
"""
