"""What the custom errors of the model market's contracts mean, in words: the cause, and what to do about it."""

from __future__ import annotations

_SETS = {
    "GroupCountInvalid": "a set has 1 to 64 groups, not {0}; choose another number",
    "SetExists": "this account has made the set {0:hex} already; go on with it, or take another salt",
    "SetUnknown": "the registry has no set {0:hex}; check the identifier and the registry's address",
    "NotSetCreator": "only who created the set {0:hex} registers its groups, and {1:address} is another account; use "
    "the key file with which it was created",
    "GroupOutOfRange": "the set {0:hex} has no group {1}; check the number",
    "GroupRegistered": "group {1} of the set {0:hex} is registered, for good; make another set for other data",
    "GroupUnknown": "group {1} of the set {0:hex} is not registered yet; wait for its creator",
    "GroupHashInvalid": "a group's hash is not zero; compute it from the data (gradroll dataset commit)",
    "GroupMismatch": "these data are not group {1} of the set {0:hex}, their hash is {2:hex}; name the right file",
    "SamplesOutOfRange": "a group has 1 to 2^20 samples, not {0}; cut the data into other groups",
}
_LISTINGS = {
    "ListingTermsInvalid": "the registry takes no listing with this {0}; correct it",
    "VerifierFamilyInvalid": "the verifier {0:address} is of family {1} of the models' factory, which is the wrong one "
    "here (0 is for accuracy, 1 for rounding); name another",
    "CommitmentInvalid": "the commitment ({0:#x}, {1:#x}) to a model is no point of the curve, or infinity; commit to "
    "it anew",
    "ListingExists": "this account has listed the model under these terms and this nonce already, as {0:hex}; go on "
    "with it, or take another nonce",
    "ListingUnknown": "the registry has no listing {0:hex}; check the identifier and the registry's address",
    "NotSeller": "only the seller of the listing {0:hex} may do this, and {1:address} is another account; use its "
    "key file",
    "ListingClosed": "its seller closed the listing {0:hex} for new sales; look for another one",
    "NotFullyProven": "the listing {0:hex} has no price yet, as it is not proven on all groups of a complete set; wait "
    "for its seller's proofs",
}
_PROOFS = {
    "AlreadyProven": "group {1} is counted for the listing {0:hex} already; nothing is left to do",
    "OpeningsExhausted": "the commitment ({0:#x}, {1:#x}) was opened as often as its tail hides; commit to the model "
    "anew, and list that",
    "CorrectExceedsSamples": "{0} right answers are claimed of {1} samples: the data are no data set; tell whoever "
    "made it",
    "CorrectOutOfRange": "a chunk claims {0} right answers, which no chunk has; prove with this release",
    "ChunksOutOfRange": "the group has {0} chunks and the proof {1}, and the verifier takes 1 to {2}, as many of both; "
    "prove with this release",
    "RoundCountInvalid": "a lineage is of 1 to 64 rounds, not of {0}; take fewer",
    "CoefficientOutOfRange": "the coefficient {0} has 128 bits or more; choose a smaller scale",
    "RoundNotFinalized": "round {1} of task {0:id} is not finalised; do that first (gradroll task finalize)",
    "LineageExists": "a lineage of the listing {0:hex} is proven already; nothing is left to do",
}
_SALES = {
    "NotBuyer": "the offer is for {1:address}, and {0:address} is another account; have the seller make one for it",
    "PriceDiffers": "the offer is for {0:amount}, and the price is {1:amount}; ask the seller for another offer",
    "DeadlineOutOfRange": "the offer's deadline is {0:utc}, it must lie from {1:utc} to {2:utc}; ask the seller for "
    "another offer",
    "KeyUsed": "the seller's key was locked before, in sale {0:hex}; ask it for another offer",
    "BondTooLow": "{1:amount} of the bond of the listing {0:hex} are free, and this takes {2:amount}; have its seller "
    "deposit more (gradroll model bond)",
    "BondAmountInvalid": "a bond cannot be changed by {0:amount}: it is 1 to 2^128 - 1 units in all; choose another "
    "amount",
    "NotTheSeller": "only the seller of the listing {0:hex} takes its bond back, and {1:address} is another account; "
    "use its key file",
    "SaleNotOpen": "the sale {0:hex} was never locked, or is over; look at it on the chain",
    "RevealTooLate": "the key had to be revealed by {0:utc}: it is not taken any more; keep it secret",
    "RefundTooEarly": "the seller may reveal until {0:utc}; come back after that",
    "KeyPointInvalid": "the key of the offer is no point of the curve; ask its seller for another one",
    "KeyMismatch": "the key {0:#x} is not the one that was locked; reveal it with the seller's state directory",
    "NotSigned": "{0:address} did not sign this offer for this contract and chain; ask it for another one",
}
_BOUNTIES = {
    "BountyTermsInvalid": "no bounty has this {0}; correct it",
    "BountyExists": "this account has opened the bounty {0:hex} already; go on with it, or take another nonce",
    "BountyUnknown": "there is no bounty {0:hex}; check the identifier and the contract's address",
    "StageDiffers": "the bounty {0:hex} is at stage {1}, where this is not done; look at it (gradroll bounty show)",
    "TooLate": "the window of the bounty {0:hex} ended {1:utc}; look at what is next (gradroll bounty show)",
    "TooEarly": "the window of the bounty {0:hex} is open until {1:utc}; come back after that",
    "AnchorAhead": "the hash of block {1} has a part in the draw of the bounty {0:hex}; come back in a later one",
    "AnchorNotPinned": "the hash of block {1} is not pinned for the bounty {0:hex} yet; do that first (gradroll bounty "
    "pin)",
    "SeedsUsed": "another bounty of this account has the seeds of {0:hex}; go on with that one, or take another nonce",
    "SeedMismatch": "the seed is not the one that was committed to in the bounty {0:hex}; use the state directory with "
    "which it was opened",
    "NotBountyOwner": "only the owner of the bounty {0:hex} may do this, and {1:address} is another account; use its "
    "key file",
    "CommitmentMismatch": "the groups' leaves hash to {0:hex}, which is not what was committed to; use the state "
    "directory in which they were",
    "GroupNotDrawn": "group {0} was not drawn, or is not in its place; show those that were, ascending",
    "GroupsMissing": "{0} groups are shown, and more were drawn; show all of them",
    "GroupDiffers": "group {0} is not what was committed to; use the state directory in which it was",
    "ThresholdUnreachable": "the tests of the bounty {0:hex} have {1} samples, fewer than the right answers that its "
    "terms want: they cannot be shown, and its entrants are compensated",
    "NotEntrant": "only the seller of the listing {0:hex} may do this, and {1:address} is another account; use its "
    "key file",
    "ListingMismatch": "the listing {0:hex} is on another set, or under another verifier, than the bounty; list the "
    "model on the bounty's",
    "AlreadyEntered": "the listing {0:hex} is entered already; nothing is left to do",
    "BountyFull": "the bounty has {0} entries, as many as it takes; look for another one",
    "EntryUnknown": "the bounty has no entry {0}; check the number",
    "NotACandidate": "entry {0} wins at present, is out, or was never able to win; wait for its outcome",
}
MODEL_SENTENCES = {**_SETS, **_LISTINGS, **_PROOFS, **_SALES, **_BOUNTIES}
