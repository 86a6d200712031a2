"""What the custom errors of the data market's contracts mean, in words: the cause, and what to do about it."""

from __future__ import annotations

_CAMPAIGNS = {
    "CampaignUnknown": "there is no campaign {0:hex}; check the identifier and the contract's address",
    "CampaignExists": "this account has opened the campaign {0:hex} already; go on with it, or take another nonce",
    "CampaignTermsInvalid": "no campaign has this {0}, or it does not go with the others; see what goes together "
    "(gradroll data terms)",
    "NotCampaignOwner": "only the owner of the campaign {0:hex} may do this, and {1:address} is another account; use "
    "its key file",
    "CampaignIsClosed": "the campaign {0:hex} takes no more commitments; look for another one",
    "CampaignNotClosed": "money leaves the campaign {0:hex} only once it is closed; close it first (gradroll data "
    "close)",
    "NothingFree": "nothing is free in the campaign {0:hex}; wait until bundles and samples are settled (gradroll "
    "data settle)",
    "TokenInvalid": "{0:address} does not answer as an ERC-20 does; name a token that does, or leave it out for ether",
    "AmountInvalid": "an amount is 1 to 2^128 - 1 units, as is all of an escrow, not {0}; choose another",
    "SchemaMismatch": "the schema is another than the campaign's, its hash is {0:hex}; use the one with which the "
    "campaign was opened",
    "SchemaInvalid": "no schema has this {0}; correct the schema's document (gradroll data schema)",
    "EpochNotDue": "only {0} samples were decided in this epoch, and its period ends {1:utc}; come back when more "
    "were, or after that",
    "DecisionUnknown": "the campaign's log has no decision {0}; look at its length (gradroll data status)",
}
_BUNDLES = {
    "BundleUnknown": "there is no bundle {0}; check the number",
    "CommitmentMade": "this account has committed to the same in this campaign, as {0:hex}; open the bundle of then",
    "CountInvalid": "a bundle has 1 to {1} samples in this campaign, not {0}; cut the data into other bundles",
    "CampaignFull": "the campaign takes {0} more samples now; contribute fewer, or wait until some are decided",
    "EscrowTooLow": "the escrow of the campaign has {0:amount} free, and this takes {1:amount}; ask its owner to fund "
    "it (gradroll data fund), or contribute fewer samples",
    "BundleStageDiffers": "bundle {0} is at stage {1}, where this is not done; look at it (gradroll data status)",
    "NotContributor": "only who contributed bundle {0} may do this, and {1:address} is another account; use its key "
    "file",
    "CommitmentMismatch(uint256,bytes32)": "what was shown hashes to {1:hex}, which is not what number {0} committed "
    "to; use the state directory with which it was committed to",
    "BlockTooEarly": "the bundle is opened from block {0} on; come back then, so that nobody copies it before",
    "TooEarly(uint256)": "the window is open until {0:utc}; come back after that",
    "TooLate(uint256)": "the window ended {0:utc}; look at what is next (gradroll data status)",
    "InlineInvalid": "{0} samples of {1} bytes cannot be opened in the chain: they have {2} bytes at most, and are as "
    "many as were committed to; publish the bundle, and have the committee attest it (gradroll data attest)",
    "SampleMisfit": "a sample does not fit the schema; check the bundle (gradroll data bundle)",
}
_CHALLENGES = {
    "ChallengeUnknown": "there is no challenge {0}; check the number",
    "ChallengeStageDiffers": "challenge {0} is at stage {1}, where this is not done; look at it (gradroll data status)",
    "NotChallenger": "only who made challenge {0} may open it, and {1:address} is another account; use its key file",
    "ChallengeOutside": "challenge {0} is of another campaign than bundle {1}, or was not made in its review window; "
    "its stake is lost",
    "IndexOutside": "the bundle has {1} samples, and none at {0}; count from 0",
    "ProofInvalid(uint256,uint256)": "the proof does not lead from sample {1} to the root of bundle {0}; fetch the "
    "bundle again (gradroll data fetch)",
    "SampleFitsSchema": "sample {1} of bundle {0} fits the schema, so nothing is proven; have it judged",
    "NotOriginal": "sample {1} of bundle {0} is no original of that one: it came later, was kept from view too long, "
    "or was never shown; name another",
    "NotNear": "the samples are at distance {0}, and copies are at {1} or nearer; have it judged",
    "StakeLost": "an arbiter found the sample good, so the stake of challenge {0} is lost; nothing is left to do",
}
_DISPUTES = {
    "DisputeStageDiffers": "the dispute about sample {1} of bundle {0} is at stage {2}, where this is not done (0: "
    "nobody opened a challenge); look at it (gradroll data status)",
    "ProvenAlready": "a challenge has proven what sample {1} of bundle {0} is; settle it (gradroll data settle)",
    "ArbiterDiffers": "the campaign's arbiter is number {0} (0 the owner, 1 a jury, 2 a model), which does not decide "
    "so; see what is next (gradroll data status)",
    "NotDecided": "the jury has not decided case {0} for good; wait for its windows, and settle then",
    "VerdictInvalid": "this verdict cannot be given; choose good, bad, or corrected where a challenge has a correction",
    "NoJurorFee": "no fee is held for seat {2} of round {1} in case {0}: it was paid before, or there is none; "
    "nothing is left to do",
}
_JURY = {
    "NotCampaigns": "only the contract of campaigns opens cases, and {0:address} is another one; open them there",
    "NoticeInvalid": "a notice is 2 hours to 30 days, not {0} s; choose another",
    "UnitInvalid": "jurors stake at least one unit, not {0}; name another stake",
    "SlotsInvalid": "1 to 32 slots join at once, not {0}; join again for more",
    "JurorsInvalid": "a first jury has an odd number of jurors from 3 to 15, not {0}; choose another",
    "WindowInvalid": "a window is {1} to {2} s long, as are all of a case together, not {0} s; choose others",
    "SlotUnknown": "there is no slot {0}, or no more; look at yours (gradroll data jury seats)",
    "NotTheJuror": "only {1:address}, the juror, may do this, and {0:address} is another account; use its key file",
    "Leaving": "slot {0} leaves already, and is free from {1:utc} on; come back then",
    "NoticeNotOver": "slot {0} is free from {1:utc} on (1970: once it has said that it leaves); leave, or wait",
    "SlotSeated": "slot {0} sits on a jury; wait until the case has ended, and release the seat",
    "CaseUnknown": "there is no case {0}; check the number",
    "StageDiffers(uint256,uint8)": "case {0} is at stage {1}, where this is not done: it is too early or too late; "
    "look at it (gradroll data jury seats)",
    "NotItsTurn": "the jury of case {1} is drawn before that of case {0}; draw that one first",
    "AnchorNotMined": "the hash of block {0} decides who sits; come back in a later one",
    "RoundDiffers": "the vote is for jury {0} of the case, and jury {1} sits; vote as that one",
    "SeatUnknown": "case {0} has no seat {2} in round {1}, or nobody was drawn for it yet; check the numbers",
    "VoteCommitmentInvalid": "seat {1} of case {0} has committed to a vote before, or to nothing now; reveal that vote",
    "VoteDiffers": "the vote of seat {1} in case {0} is not the one that was committed to; use the state directory "
    "with which it was",
    "VoteRevealed": "the vote of seat {1} in case {0} was revealed before; nothing is left to do",
    "NotEnded": "case {0} has no final verdict; wait for its windows, and close it",
    "SeatReleased": "seat {2} of round {1} in case {0} was released before; nothing is left to do",
    "CheckpointUnorderedInsertion": "the contract's list of slots is damaged, which is a fault of the contract; tell "
    "whoever deployed it",
}
_TRAINING = {
    "ModelInvalid": "no model that trains in its contract has this {0}: it has arrays, two classes or more, at most "
    "1,024 weights, of 16 or 32 bits; choose others, or train outside",
    "ModelExists": "the model is at {0:address} already, and there is one with these numbers; go on with that",
    "NothingToTrain": "all that the campaign decided is trained on; come back when more is",
    "SampleNotNext": "sample {1} of bundle {0} is next, or its correction, and something else was shown; run the "
    "command again, as somebody else may have been quicker (gradroll data model)",
    "TestsShown": "tests of the model were shown, so it changes no more; score it (gradroll data model)",
    "NotTrained": "the model stands at decision {0} of {1}, and {2} samples are pending: tests are shown, and "
    "samples predicted, once the campaign is closed and decided, and all of it is trained on; do that first "
    "(gradroll data model)",
    "TestsMismatch": "the campaign's owner committed to other tests, not to {0:hex}; use its salts and groups",
    "GroupInvalid": "there is no group {0} among {1}; the campaign has 1 to 64, counted from 0, so name another",
    "GroupShown": "group {0} of the tests was shown before; score it (gradroll data model)",
    "NothingToScore": "group {0} was not shown, or all of it is scored; look at it (gradroll data model)",
    "TestNotNext": "test {1} of group {0} is next, and something else was shown; run the command again, as somebody "
    "else may have been quicker",
    "ReportPending": "the sample that is next was reported, and can be shown until {0:utc}; train on it (gradroll data "
    "model), or pass it over after that",
    "NotReported": "nobody reported sample {1} of bundle {0} as missing; report it first (gradroll data model)",
    "SampleInvalid": "a sample of {0} bytes is none of the model's; take one of the campaign's schema",
}
_IMPROVEMENT = {
    "BudgetExists": "this account has put up the budget {0:hex} already; go on with it, or take another nonce",
    "BudgetUnknown": "there is no budget {0:hex}; check the identifier and the contract's address",
    "BudgetWindowInvalid": "a window of {0} s is shorter than the campaigns' shortest, or longer than a year; choose "
    "another",
    "CampaignUndecided": "the campaign {0:hex} is open, or {1} of its samples are pending; close it, and settle what "
    "is due (gradroll data settle)",
    "TableSigned": "a table of the budget {0:hex} is signed, and stays; claim parts of it (gradroll data improve)",
    "TableMissing": "no table of the budget {0:hex} is signed yet; have a quorum of the committee sign one (gradroll "
    "data improve)",
    "TotalInvalid": "a table that pays {0:amount} is none of a budget with {1:amount}; compute it again (gradroll data "
    "improve)",
    "ClaimInvalid": "the signed table does not give bundle {0} the amount {1}; compute the table again (gradroll data "
    "improve)",
    "ClaimPaid": "the part of bundle {0} was credited before; collect it",
    "BundleOfOther": "bundle {0} is of the campaign {1:hex}, which is another one than the budget's; check the number",
    "TotalExceeded": "the table's parts are more than the sum that was signed, of which {0:amount} are left; tell the "
    "committee, whose quorum signed a table that is wrong",
    "NothingLeft": "nothing is left of the budget {0:hex}; nothing is left to do",
}
_VERSIONS = {
    "VersionInvalid": "no version has these {0}: too many, too few, out of order, or none at all; correct them",
    "VersionExists": "this account has registered the version {0:hex} already; go on with it",
    "VersionUnknown": "there is no version {0:hex}; check the identifier and the contract's address",
    "EpochNotClosed": "the campaign {0:hex} has not closed epoch {1}; close it first (gradroll data settle)",
    "RoundNotFinalized": "round {1} of task {0:id} was not finalised; wait until it is (gradroll task status)",
    "ListingOfOther": "the listing {0:hex} is another seller's, or of another model; name one of your own for this "
    "very model",
}
DATA_SENTENCES = {
    **_CAMPAIGNS, **_BUNDLES, **_CHALLENGES, **_DISPUTES, **_JURY, **_TRAINING, **_IMPROVEMENT, **_VERSIONS,
}  # fmt: skip
"""By name; by signature where another contract has an error of the same name."""
