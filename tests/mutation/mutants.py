"""Small wrongs in the code that guards privacy and money, each with the tests that must notice.

A mutant that no test kills is a rule that could be lost without anybody's knowing.  Keep a selection as small as it can
be: what kills the mutant is also where a reader learns what the rule is for.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file.

    Attributes:
        text: occurs exactly once in the file.
        guards: what is lost with it.
        kill: pytest's selection, of which a test must fail.
    """

    file: str
    text: str
    replacement: str
    guards: str
    kill: tuple[str, ...]

    def applied(self, source: str) -> str:
        """The file's source with the change.  Raises ValueError unless the text occurs exactly once."""
        if source.count(self.text) != 1:
            raise ValueError(f"{self.file}: {self.text!r} occurs {source.count(self.text)} times, not once")
        return source.replace(self.text, self.replacement)


def _in(folder: str, *tests: str) -> tuple[str, ...]:
    return tuple(f"tests/{folder}/{test}" for test in tests)


LEDGER = "provers/party/ledger.py"
MASKING = "provers/party/masking.py"
PROVING = "provers/party/proving.py"
RELEASING = "provers/party/releasing.py"
PROBING = "provers/party/probing.py"
VOUCHING = "provers/party/vouching.py"
RULES = "test_rules_of_a_batch.py"

MUTANTS = (
    Mutant(
        LEDGER,
        'self._one_set(self.locks, entry.selection, "is locked to another set in this round")',
        "...",
        "an owner is locked to one set",
        _in("provers", "test_ledger.py::test_an_owner_is_locked_to_one_set_and_in_one_sum"),
    ),
    Mutant(
        LEDGER,
        'another set in this round")\n                '
        'self._one_set(self.released, entry.selection, "is in the sum of another set already")',
        'another set in this round")',
        "an owner whose share of a sum is out is locked to no other set",
        _in("provers", "test_ledger.py"),
    ),
    Mutant(
        LEDGER,
        "case Released():\n                self._one_set(self.released, entry.selection,"
        ' "is in the sum of another set already")',
        "case Released():\n                pass",
        "an owner enters one sum",
        _in("provers", "test_ledger.py::test_a_released_owner_is_in_no_other_sum"),
    ),
    Mutant(
        LEDGER,
        "if entry.attempt <= last:",
        "if entry.attempt < last:",
        "an attempt's masks are used once",
        _in("provers", "test_ledger.py::test_an_attempt_number_is_used_up"),
    ),
    Mutant(
        LEDGER,
        "if entry.proposal in self.combined:",
        "if False:",
        "a mask row hides one combination",
        _in("provers", "test_ledger.py::test_a_mask_is_combined_once"),
    ),
    Mutant(
        LEDGER,
        "if known is not None and known != cohort:",
        "if False:",
        "a commitment is projected with one sign matrix",
        _in("provers", "test_ledger.py::test_a_commitment_joins_one_cohort_only"),
    ),
    Mutant(
        LEDGER,
        "if bound is not None and member.submission not in bound.submissions:",
        "if False:",
        "a locked owner has no second submission in the round",
        _in("provers", "test_ledger.py::test_a_locked_owner_submits_again_in_the_next_round_only"),
    ),
    Mutant(
        LEDGER,
        "count > self.lost and self.heads.get(count) != digest",
        "count > self.count",
        "a restored ledger that has grown again is still found out",
        _in("privacy", "test_restored_ledgers.py::test_a_restored_prover_learns_of_it_and_projects_nothing"),
    ),
    Mutant(
        "provers/party/steps.py",
        "env.opened_at(context) <= env.ledger.restored_at",
        "env.opened_at(context) < env.ledger.restored_at",
        "a restored prover is silent in every round that was open",
        _in(
            "privacy",
            "test_restored_ledgers.py::test_it_stays_silent_in_rounds_that_were_open_and_takes_part_in_later_ones",
        ),
    ),
    Mutant(
        MASKING,
        "    key.policy.require_bound(masked.cohort.context.bound)\n",
        "",
        "no prover is named because a policy does not suit the bound",
        _in("simulation", "test_policies.py"),
    ),
    Mutant(
        "circuits/policies/spec.py",
        "OwnerWires(bound, bound - recompose(slack), slack)",
        "OwnerWires(bound, bound - recompose(slack[1:]), slack)",
        "the norm that a policy sees is the owner's",
        _in("circuits", "test_how_to_write_a_policy.py"),
    ),
    Mutant(
        MASKING,
        "if np.any(residuals):",
        "if np.any(residuals[1:]):",
        "nothing is combined with an owner whose constraints do not hold",
        _in("privacy", "test_rules.py::test_nothing_is_confirmed_with_an_owner_whose_constraints_do_not_hold"),
    ),
    Mutant(
        MASKING,
        "if not small(z):",
        "if False:",
        "every prover tests smallness itself",
        _in("privacy", "test_rules.py::test_large_entries_are_refused_by_every_prover_itself"),
    ),
    Mutant(
        MASKING,
        "if proposal.nonces[proposal.active.index(party.index)] != party.nonce:",
        "if False:",
        "a prover that lost its memory is led through no older session",
        _in("privacy", "test_one_sum.py::test_a_prover_that_started_again_is_not_led_through_an_older_session"),
    ),
    Mutant(
        MASKING,
        "if any(b != ConfirmBody(confirmed.state, confirmed.broadcasts) for b in bodies.values()):",
        "if any(b.state != confirmed.state for b in bodies.values()):",
        "nothing is combined before all saw the same broadcasts",
        _in("privacy", "test_rules.py::test_disagreeing_confirmations_are_refused"),
    ),
    Mutant(
        MASKING,
        "if not np.array_equal(bodies[party.index].shares, projected.own):",
        "if False:",
        "a prover's own projections are not told by the coordinator",
        _in("privacy", "test_rules.py::test_a_prover_goes_on_from_the_projections_that_it_holds_itself"),
    ),
    Mutant(
        MASKING,
        "len(active) < committee.quorum",
        "len(active) < committee.quorum - 1",
        "an attempt is of a quorum",
        _in("privacy", "test_rules.py::test_an_attempt_of_fewer_than_a_quorum_is_refused"),
    ),
    Mutant(
        MASKING,
        "high = native.add(low, party.keys.zero(session, Purpose.PRODUCT_ZERO, len(products)))",
        "high = low",
        "shares of degree 2t carry a share of zero",
        _in("privacy", "test_leak_meter.py::test_an_honest_batch_leaks_its_sum_and_two_tests_of_validity"),
    ),
    Mutant(
        PROVING,
        "if owners < terms.min_owners:",
        "if owners < terms.min_owners - 1:",
        "nothing is proven or released about fewer owners than the task asks for",
        _in("privacy", "test_one_sum.py::test_nothing_is_signed_about_fewer_owners_than_the_task_asks_for"),
    ),
    Mutant(
        PROVING,
        "if terms.terms_hash != context.terms_hash:",
        "if False:",
        "a prover takes the terms only that a batch's context binds",
        _in(
            "privacy",
            "test_one_sum.py::test_a_node_that_states_other_terms_than_a_batch_binds_has_nothing_signed_or_released",
        ),
    ),
    Mutant(
        PROVING,
        "env.policy(task_id).verifier_code, env.terms",
        "bytes(32), env.terms",
        "an attestation is for the verifier that the prover's own node names",
        _in("privacy", "test_one_sum.py::test_the_signature_is_over_the_verifier_that_the_provers_own_node_names"),
    ),
    Mutant(
        PROVING,
        "        and certificate.coin == masked.coin\n",
        "",
        "the signed batch has the coin that the prover saw opened",
        _in("privacy", "test_one_sum.py::test_a_batch_that_is_not_the_proven_one_is_not_signed"),
    ),
    Mutant(
        PROVING,
        "    require_continuity(env, context)\n    _require_own_batch",
        "    _require_own_batch",
        "a restored prover signs nothing",
        _in("privacy", "test_restored_ledgers.py::test_a_finding_stops_attempts_that_are_under_way"),
    ),
    Mutant(
        PROVING,
        "    env.require_admissible(context, tuple(h.owner_index for h in masked.headers))\n",
        "",
        "owners are not locked to a batch that cannot be paid any more",
        _in("privacy", "test_one_sum.py::test_a_batch_that_the_market_would_refuse_is_not_signed"),
    ),
    Mutant(
        RELEASING,
        "accepted.indices != indices or accepted.commitment_sum != sum_of_commitments(statement)",
        "accepted.indices != indices",
        "a sum is released that the market has recorded",
        _in(
            "privacy", "test_one_sum.py::test_a_batch_that_the_market_recorded_with_other_owners_or_sum_is_not_released"
        ),
    ),
    Mutant(
        RELEASING,
        "if len(certificate.attestations) < committee.quorum:",
        "if len(certificate.attestations) < committee.quorum - 1:",
        "a sum is released that a quorum attested",
        _in("privacy", "test_one_sum.py::test_nothing_is_released_below_a_quorum_of_attestations"),
    ),
    Mutant(
        RELEASING,
        'require_signer(digest, signature, committee.members[prover], f"the attestation of prover {prover}")',
        "...",
        "attestations are the members' signatures",
        _in("privacy", "test_one_sum.py::test_a_certificate_with_a_changed_part_is_refused"),
    ),
    Mutant(
        RELEASING,
        "    certificate.require_dealings()\n",
        "",
        "the sum is over the shares that were attested",
        _in("privacy", "test_one_sum.py::test_a_certificate_with_a_changed_part_is_refused"),
    ),
    Mutant(
        PROBING,
        "len(senders) < 2 * t + 1:",
        "len(senders) < 2 * t:",
        "a share is laid open on the word of t + 1 honest provers",
        _in("privacy", "test_rules.py::test_a_share_is_revealed_only_on_proof_that_it_fits_nothing"),
    ),
    Mutant(
        PROBING,
        "if digest != cohort.headers[owner].share_digests[party.index]:",
        "if False:",
        "only what its owner signed is laid open",
        _in("privacy", "test_one_sum.py::test_a_payload_that_the_owner_did_not_sign_is_not_revealed"),
    ),
    Mutant(
        "provers/party/excluding.py",
        "_dealt_values(committee, projected, holder, raw))\n",
        "projected.own[[h.share_digests[holder] for h in projected.cohort.headers].index(sha256(raw).digest())])\n",
        "a share damaged in memory lays no honest one open",
        _in("privacy", "test_one_sum.py::test_a_share_damaged_in_memory_does_not_lay_the_sealed_one_open"),
    ),
    Mutant(
        "provers/party/excluding.py",
        "for holder in holders)\n",
        "for holder in holders[:1])\n",
        "an owner that gives two provers one share answers for both",
        _in("simulation", "test_exclusions.py::test_every_prover_signs_the_exclusion_of_an_owner_that_is_rejected"),
    ),
    Mutant(
        "provers/intake.py",
        "            self._require_unbound(header, context)\n",
        "",
        "an owner in a signed batch hands in nothing else",
        _in("provers", "test_intake.py::test_an_owner_in_a_signed_batch_hands_in_nothing_else"),
    ),
    Mutant(
        "provers/intake.py",
        "if self._chain.owner_at(terms.task_id, header.owner_index) != header.owner:",
        "if False:",
        "shares are taken from registered owners",
        _in("provers", "test_intake.py"),
    ),
    Mutant(
        "provers/finality.py",
        "if first is None or None in found:",
        "found = [f for f in found if f is not None]\n        if first is None:",
        "every node must show the acceptance",
        _in("provers", "test_finality.py"),
    ),
    Mutant(
        "provers/finality.py",
        "if any(other != first for other in found):",
        "if any(other.indices != first.indices for other in found if other):",
        "the nodes must show the same acceptance",
        _in("provers", "test_finality.py"),
    ),
    Mutant(
        "provers/node_environment.py",
        "if terms.committee_id != self._membership.committee.committee_id:",
        "if False:",
        "a prover works for tasks of its committee",
        _in("provers", "test_environment.py"),
    ),
    Mutant(
        "provers/node_environment.py",
        "        self.require_eligible(context, indices)\n        taken",
        "        taken",
        "owners are not locked to a batch with one that has no part in the round",
        _in("provers", "test_environment.py"),
    ),
    Mutant(
        "provers/node_environment.py",
        "if self._chain.committee_of_round(task_id, round_number) != self._membership.committee:",
        "if False:",
        "a prover works with the members with whom it shares keys",
        _in("provers", "test_environment.py"),
    ),
    Mutant(
        "provers/node_environment.py",
        "return self._chain.opened_at(context.task_id, context.round)",
        "return self._chain.round(context.task_id, context.round).submit_deadline",
        "a pause of the market makes no round seem to be opened later than it was",
        _in("provers", "test_environment.py"),
    ),
    Mutant(
        "provers/node_environment.py",
        "if not self._store.formers.has(committee, self._membership.index):",
        "if False:",
        "no sum is released by the word of members whom only a node knows",
        _in("provers", "test_environment.py"),
    ),
    Mutant(
        "provers/party/releasing.py",
        "    _require_quorum(env, committee, certificate)",
        "    _require_quorum(env, party.committee, certificate)",
        "a sum is released by the word of its round's members",
        _in(
            "privacy", "test_one_sum.py::test_a_sum_is_released_by_the_word_of_the_rounds_members_not_the_present_ones"
        ),
    ),
    Mutant(
        VOUCHING,
        "    require_acceptance(env, certificate)\n",
        "",
        "a prover says that it serves the sum of an accepted batch, and of no other",
        _in("provers", "test_availability.py::test_an_acceptance_that_was_taken_back_is_none"),
    ),
    Mutant(
        VOUCHING,
        "    if not env.ledger.has_released(selection):",
        "    if False:",
        "a prover says that it serves a sum once it has released its share",
        _in("provers", "test_availability.py::test_before_its_share_was_released_nothing_is_signed"),
    ),
    Mutant(
        VOUCHING,
        "    env.summed(selection)  # read to the end, as for a reader\n",
        "",
        "a prover says that it serves a sum as long as it has its share",
        _in("provers", "test_availability.py::test_after_its_share_was_deleted_nothing_is_signed"),
    ),
    Mutant(
        VOUCHING,
        "    if opened != sum_of_commitments(certificate.statement):",
        "    if False:",
        "a posted sum is the batch's before its hash is signed",
        _in("provers", "test_availability.py::test_nothing_but_the_batchs_own_sum_is_vouched_for_as_posted"),
    ),
    Mutant(
        VOUCHING,
        "    challenge = env.challenge(context, batch_id)",
        "    challenge = 0",
        "a prover answers the challenge that its own node shows",
        _in("provers", "test_availability.py::test_which_challenge_is_answered_the_chain_says"),
    ),
    Mutant(
        "commons/chain/feereceipts.py",
        "        if not payable or len(signed) < quorum:",
        "        if not payable:",
        "fees are settled with a quorum's receipts",
        _in("commons", "test_feereceipts.py::test_what_is_shown_pays_as_many_as_possible_for_as_little_gas"),
    ),
    Mutant(
        "coordinator/feesettlement.py",
        "        if shown is None or (behind and patient):",
        "        if shown is None:",
        "who attested a batch is waited for before its fees are settled",
        _in("coordinator", "test_fees.py::test_a_prover_that_does_not_answer_is_waited_for_and_in_the_end_left_out"),
    ),
    Mutant(
        "coordinator/feeturns.py",
        "self._turn.may_begin(at_once=not self._next.keys() >= set(keys))",
        "self._turn.may_begin(at_once=True)",
        "before the time of the next fees the chain is asked nothing",
        _in("coordinator", "test_fees.py::test_before_its_time_nothing_is_asked"),
    ),
    Mutant(
        "coordinator/postings.py",
        "(key for key in self._rounds if key[0] not in self._own), STRANGERS))",
        "(key for key in self._rounds if key[0] not in self._own), None))",
        "of the rounds in which strangers post few are looked at at a time",
        _in(
            "coordinator",
            "test_postings.py::"
            "test_however_many_rounds_strangers_post_in_few_are_looked_at_at_a_time_and_each_has_its_turn",
        ),
    ),
    Mutant(
        "coordinator/postings.py",
        "self._own |= {task for task, _ in state.rounds}",
        "self._own |= frozenset()",
        "a flood of strangers' postings in front of a restart does not put those of known tasks behind it",
        _in(
            "coordinator",
            "test_postings.py::test_a_flood_in_front_of_a_restart_hides_no_round_of_a_task_that_is_in_the_journal",
        ),
    ),
    Mutant(
        "coordinator/exclusionturns.py",
        "        self._clearing.look(unpaid)",
        "        pass",
        "who is excluded for another round costs a coordinator no fees",
        _in(
            "coordinator",
            "test_clearing.py::test_an_owner_excluded_for_another_round_costs_the_coordinator_nothing",
        ),
    ),
    Mutant(
        "coordinator/exclusionturns.py",
        "state.fees_open.union(state.open_rounds())",
        "set(state.open_rounds())",
        "who is excluded once a round is closed does not cut fees that are not paid yet",
        _in("coordinator", "test_clearing.py::test_it_is_cleared_after_the_round_while_the_payee_waits"),
    ),
    Mutant(
        "coordinator/clearing.py",
        "        if left and self._is_unpaid(key):",
        "        if left:",
        "no gas is paid for a posting that cuts no fee any more",
        _in("coordinator", "test_clearing.py::test_once_the_payee_is_paid_nothing_is_sent"),
    ),
    Mutant(
        "coordinator/clearing.py",
        "0 if new else max(self._seen - MARGIN, 0)",
        "max(self._seen - MARGIN, 0)",
        "what was posted before a coordinator had to do with a task is found",
        _in("coordinator", "test_clearing.py::test_postings_are_looked_for_from_the_beginning_where_a_task_is_new"),
    ),
    Mutant(
        "coordinator/feesettlement.py",
        "        left = set(behind) - done",
        "        left = set(behind)",
        "a share of a sum is asked for once for its fees",
        _in(
            "coordinator",
            "test_fees.py::test_a_prover_that_releases_and_does_not_sign_is_not_made_to_send_its_share_for_ever",
        ),
    ),
    Mutant(
        "provers/party/projecting.py",
        "    env.require_eligible(cohort.context, tuple(header.owner_index for header in cohort.headers))\n",
        "",
        "no cohort has an owner that has no part in the round",
        _in("privacy", "test_rules.py::test_a_cohort_with_an_owner_that_has_no_part_in_the_round_binds_nobody"),
    ),
    Mutant(
        "provers/party/dispatch.py",
        "coordinator = env.coordinator(_cohort_of(party, request).context.task_id)",
        "coordinator = env.terms(_cohort_of(party, request).context.task_id).coordinator",
        "a coordinator that was replaced moves no prover on",
        _in("privacy", "test_rules.py::test_a_coordinator_that_was_replaced_moves_no_prover_on"),
    ),
    Mutant(
        "provers/intake.py",
        "        self._environment.require_eligible(context, (header.owner_index,))\n",
        "",
        "shares are taken of owners that have a part in the round",
        _in("provers", "test_intake.py"),
    ),
    Mutant(
        "provers/prover.py",
        "if self._deadline(name, due) >= now)",
        "if False)",
        "shares are kept while a pause keeps their round open",
        _in("provers", "test_prover.py"),
    ),
    Mutant(
        "provers/prover.py",
        "return due + _LONGEST_PAUSE",
        "return due + 1000 * _LONGEST_PAUSE",
        "a silent node keeps no share for ever",
        _in("provers", "test_prover.py"),
    ),
    Mutant(
        "provers/store.py",
        "certificate = replace(known, payee=certificate.payee).attested_by(certificate.attestations)",
        "certificate = known.attested_by(certificate.attestations)",
        "attestations are served beside the payee that they are over",
        _in("provers", "test_store.py"),
    ),
    Mutant(
        "provers/runner.py",
        "        self._store.commit(outcome.entries)\n        self._keep(request, outcome.reply.message)\n"
        "        self._party = outcome.party\n",
        "        self._party = outcome.party\n        self._store.commit(outcome.entries)\n"
        "        self._keep(request, outcome.reply.message)\n",
        "a step is durable before the party has taken it",
        _in("provers", "test_runner.py::test_an_attestation_leaves_only_when_its_lock_is_durable"),
    ),
    Mutant(
        "provers/runner.py",
        '    digest.update(b"payload" + request.payload)\n',
        "",
        "only the exact repetition of a request is answered from memory",
        _in("provers", "test_runner.py::test_nobody_but_the_tasks_coordinator_moves_a_prover_on"),
    ),
    Mutant(
        "provers/store.py",
        "            require_whole(vector, self._database.query(query, (submission,))[0][0])\n",
        "",
        "a damaged share is not computed with",
        _in("provers", "test_store.py::test_a_share_with_one_bit_flipped_is_not_computed_with"),
    ),
    Mutant(
        "provers/store.py",
        "native.linear_combination(rows, list(selection.weights))",
        "native.linear_combination(rows, [1] * len(rows))",
        "a share of a sum has the weights that were signed",
        _in("provers", "test_store.py::test_weights_enter_the_sum"),
    ),
    Mutant(
        "commons/protocol/replies.py",
        "if message.session != session or message.step is not step or message.sender != prover:",
        "if message.step is not step or message.sender != prover:",
        "a message of another session is held against nobody",
        _in("simulation", "test_lying_provers.py::test_message_of_another_session_is_no_proof_against_its_sender"),
    ),
    Mutant(
        "commons/protocol/replies.py",
        "matches = sha256(np.ascontiguousarray(vector).data).digest() == digest",
        "matches = True",
        "a vector that came without its sender's signature names nobody for good",
        _in(
            "simulation",
            "test_lying_provers.py::test_vector_that_came_with_another_ones_signature_is_no_proof_against_anyone",
        ),
    ),
    Mutant(
        "commons/protocol/relay.py",
        "if sorted(m.sender for m in relayed) != expected:",
        "if not {m.sender for m in relayed} <= set(expected):",
        "a prover goes on with a message from every expected sender",
        _in("privacy", "test_rules.py::test_a_relayed_message_that_was_changed_is_refused"),
    ),
    Mutant(
        "commons/protocol/relay.py",
        "        verify_message(message, committee.members[message.sender])\n",
        "",
        "relayed messages are their senders' own",
        _in("privacy", "test_rules.py::test_a_relayed_message_that_was_changed_is_refused"),
    ),
    Mutant(
        "commons/protocol/signing.py",
        '    require_signer(header.digest(context), header.dealing_signature, header.owner, "the dealing")\n',
        "",
        "shares are the ones that their owner dealt",
        _in("commons", "test_header_signatures.py"),
    ),
    Mutant(
        "commons/protocol/signing.py",
        'if int.from_bytes(signature[32:64], "big") > _HALF_ORDER:',
        "if False:",
        "a signature has one form, the one that the contract takes",
        _in("commons", "test_header_signatures.py::test_only_the_canonical_form_passes"),
    ),
    Mutant(
        "commons/protocol/bundle.py",
        "if not dealings <= set(self.cohort):",
        "if False:",
        "a certificate's submissions are those behind its seed",
        _in("privacy", "test_one_sum.py::test_a_certificate_with_a_changed_part_is_refused"),
    ),
    Mutant(
        "commons/protocol/keypackages.py",
        "*head, *committee.members))",
        "*head))",
        "shared keys belong to these very members",
        (*_in("provers", "test_keystore.py"), *_in("commons", "test_prss.py")),
    ),
    Mutant(
        "commons/sharing/sealing.py",
        "self.owner, self.prover, index, self.chunks)",
        "self.owner, self.prover, self.chunks)",
        "a sealed piece opens in its place only",
        _in("commons", "test_hpke.py"),
    ),
    Mutant(
        "commons/sharing/reconstruct.py",
        "min(liars, count - degree - 1 - liars)",
        "min(liars, count - degree - 1)",
        "an opening names nobody it cannot be sure of",
        _in("commons", "test_openings.py"),
    ),
    Mutant(
        "commons/sharing/replicated.py",
        "return _MASK_ROOM - (seed_count(committee) - 1).bit_length()",
        "return _MASK_ROOM - seed_count(committee).bit_length()",
        "masks are as wide as is stated",
        _in("commons", "test_replicated.py"),
    ),
    Mutant(
        "commons/sharing/replicated.py",
        "ascending = all(a < b for a, b in pairwise((*self._exempt, committee.size)))",
        "ascending = True",
        "provers without correction are t different members",
        _in("commons", "test_replicated.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        """        checks.g1(header.commitment, "the header's commitment")""",
        "       ",
        "a commitment that is no point enters no cohort",
        _in("coordinator", "test_admission.py::test_a_commitment_is_a_point_of_the_curve"),
    ),
    Mutant(
        "coordinator/admission.py",
        "if len(receipts) < committee.quorum:",
        "if len(receipts) < committee.quorum - 1:",
        "a submission that is entered can be proven",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        "            verify_receipt(self._view.market_id, submission, signature, member)\n",
        "            pass\n",
        "a receipt is its prover's",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        "if present is not None and present.state is not SubmissionState.EXPIRED:",
        "if False:",
        "an owner has one submission in a round",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        "if header.owner in current.bound:",
        "if False:",
        "an owner whom provers may have locked spoils no cohort",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        "if header.commitment in state.commitments_of(key, header.owner):",
        "if False:",
        "a commitment that provers have bound spoils no second cohort",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "coordinator/giving_up.py",
        "or not (outlook.can_submit_again or outlook.others)",
        "",
        "a cohort is not given up where nobody gains by it",
        _in("coordinator", "test_giving_up.py"),
    ),
    Mutant(
        "coordinator/machine/cohort.py",
        "shares, fallen=batch.out)",
        "shares)",
        "whoever was rejected stays out of its cohort",
        _in("coordinator", "test_batcher.py"),
    ),
    Mutant(
        "gradroll/data_owner/owner.py",
        "if begun is None or has_expired:",
        "if begun is None:",
        "after a submission has expired everything is drawn anew",
        _in("gradroll", "test_owner.py"),
    ),
    Mutant(
        "coordinator/settlement.py",
        "            if error.error in _PASSING:\n                raise\n",
        "",
        "a batch that a lagging node refuses is not given up",
        _in("coordinator", "test_settlement.py"),
    ),
    Mutant(
        "coordinator/settlement.py",
        "            if self.note_accepted(batch_id):  # by a transaction sent before a restart, or by a relay\n"
        "                return\n",
        "",
        "an accepted batch is not recorded as refused",
        _in("coordinator", "test_settlement.py"),
    ),
    Mutant(
        "coordinator/settlement.py",
        "if len(accepted) == len(batch.submissions):",
        "if False:",
        "a batch whose owners were accepted in another is let go",
        _in("coordinator", "test_settlement.py"),
    ),
    Mutant(
        "coordinator/driver.py",
        "        self._adopt(key, record.batches, facts)\n",
        "",
        "batches that a relay had accepted are taken over",
        _in("coordinator", "test_takeovers.py"),
    ),
    Mutant(
        "coordinator/driver.py",
        "            if not facts.is_over:\n                return facts\n",
        "            return facts\n",
        "no round is closed by a deadline that a pause has moved",
        _in("coordinator", "test_takeovers.py"),
    ),
    Mutant(
        "coordinator/adoption.py",
        "_bare(bundle.certificate) == _bare(certificate)\n            and ",
        "",
        "a bundle that is taken over is the one that a quorum attested",
        _in("coordinator", "test_takeovers.py"),
    ),
    Mutant(
        "coordinator/adoption.py",
        "            require_row(bundle, self._parameters.commitment_key(statement.context.dimension))\n",
        "            pass\n",
        "a bundle that is taken over has what its provers opened",
        _in("coordinator", "test_takeovers.py"),
    ),
    Mutant(
        "coordinator/next_action.py",
        "    if not facts.ours:\n        return Wait(_REPLACED)\n",
        "",
        "a coordinator that was replaced asks no prover for anything",
        _in("coordinator", "test_takeovers.py"),
    ),
    Mutant(
        "coordinator/gathering.py",
        "groups = [] if cautious else _groups(_without(able, chosen), needs)",
        "groups = _groups(_without(able, chosen), needs)",
        "company is not given again once a cohort has failed for good",
        _in("coordinator", "test_gathering.py"),
    ),
    Mutant(
        "coordinator/gathering.py",
        "free = len(chosen) - _wanted(groups, needs)",
        "free = len(chosen)",
        "an owner whose share one prover refuses is not left behind",
        _in("coordinator", "test_gathering.py"),
    ),
    Mutant(
        "coordinator/admission.py",
        "        require_eligible(self._view, header.task_id, header.round, (header.owner_index,))\n",
        "",
        "headers are taken of owners that have a part in the round",
        _in("coordinator", "test_admission.py"),
    ),
    Mutant(
        "commons/protocol/certified.py",
        "if p < len(members) and signs(members[p], digest, s)}",
        "if p < len(members)}",
        "what is relayed or taken over has a quorum's own signatures",
        _in("gradroll", "test_from_provers.py"),
    ),
    Mutant(
        "coordinator/batcher.py",
        "            self._lock(plan.key, transition.state, heard)\n",
        "",
        "a set is on record before provers lock owners to it",
        _in("coordinator", "test_batcher.py::test_the_set_is_on_record_before_a_prover_is_asked_to_attest_it"),
    ),
    Mutant(
        "coordinator/journal.py",
        "            self._log.append([to_record(event) for event in events])\n            for event in events:\n"
        "                self._state.apply(event)\n",
        "            for event in events:\n                self._state.apply(event)\n"
        "            self._log.append([to_record(event) for event in events])\n",
        "an event is durable before the state shows it",
        _in("coordinator", "test_rounds.py::test_what_cannot_be_logged_has_not_happened"),
    ),
    Mutant(
        "coordinator/machine/finish.py",
        "if len(attestations) < resources.committee.quorum:",
        "if len(attestations) < resources.committee.quorum - 1:",
        "a batch is finished with a quorum's signatures",
        _in("simulation", f"{RULES}::test_batch_is_not_finished_below_a_quorum_of_signatures"),
    ),
    Mutant(
        "coordinator/machine/finish.py",
        "locked=frozenset(run.proposal.kept)",
        "locked=None",
        "nobody is dropped from a set that provers have signed",
        _in("simulation", f"{RULES}::test_set_that_provers_were_asked_to_sign_is_not_tried_without_one_of_its_owners"),
    ),
    Mutant(
        "coordinator/machine/culprits.py",
        "if batch.locked is not None and ground.kept != batch.locked:",
        "if False:",
        "what is left of a locked set is not tried",
        _in("simulation", f"{RULES}::test_set_that_provers_were_asked_to_sign_is_not_tried_without_one_of_its_owners"),
    ),
    Mutant(
        "gradroll/model_owner/buyer.py",
        "if key.commit_small(aggregate.values, aggregate.tail) == batch.record.commitment:",
        "if key.commit_small(aggregate.values, aggregate.tail):",
        "a sum is read that opens the commitment on the chain",
        _in("gradroll", "test_model_owner.py::test_a_sum_that_does_not_open_the_commitment_is_refused"),
    ),
    Mutant(
        "gradroll/model_owner/buyer.py",
        "[1] * len(accepted)) != recorded:",
        "[1] * len(accepted)) != recorded and not accepted:",
        "a round's batches add up to what the chain has for the round",
        _in("gradroll", "test_model_owner.py"),
    ),
    Mutant(
        "gradroll/audit/recheck.py",
        "members = {p for p, s in signed if p < committee.size and signs(committee.members[p], digest, s)}",
        "members = [p for p, s in signed if p < committee.size and signs(committee.members[p], digest, s)]",
        "a quorum is of different provers",
        _in("gradroll", "test_audit.py"),
    ),
    Mutant(
        "gradroll/audit/recheck.py",
        '_require(places == sorted(set(places)), "the batch does not keep its cohort\'s order")',
        "...",
        "a batch keeps its cohort's order",
        _in("gradroll", "test_audit.py"),
    ),
    Mutant(
        "gradroll/audit/recheck.py",
        '_require(small(row), f"a projection of owner {header.owner_index} is out of range")',
        "...",
        "a reader finds gradients that are not small",
        _in("gradroll", "test_audit.py"),
    ),
    Mutant(
        "gradroll/data_owner/owner.py",
        "        self._store.save(submission)  # before anything leaves: a second draw of its masks must not happen\n",
        "",
        "an owner draws masks once a submission",
        _in("gradroll", "test_owner.py"),
    ),
    Mutant(
        "gradroll/data_owner/handing.py",
        "        verify_receipt(context.market, header.digest(context), receipt, record.committee.members[prover])\n",
        "",
        "a receipt that is none does not count",
        _in("gradroll", "test_owner.py::test_a_forged_receipt_does_not_count"),
    ),
    Mutant(
        "gradroll/data_owner/owner.py",
        "        self._parameters.require_string(self._view.tau(task_id))\n",
        "",
        "an owner deals nothing under another string than the task's",
        _in("gradroll", "test_owner.py::test_with_another_reference_string_than_the_tasks_nothing_is_dealt_or_sent"),
    ),
    Mutant(
        "provers/intake.py",
        "            self._environment.require_served(header.task_id)\n",
        "",
        "a prover takes no share that it cannot work with",
        _in("provers", "test_intake.py"),
    ),
    Mutant(
        "commons/storage/marketbinding.py",
        "elif bound != own:",
        "elif bound.market != own.market:",
        "state of a chain that was reset is not believed",
        _in("commons", "test_marketbinding.py"),
    ),
    Mutant(
        "commons/chain/outbox.py",
        "        write_durably(self._path, data)\n",
        "",
        "what is sent is remembered first, so that it is paid for once",
        _in("commons", "test_outbox.py::test_killed_after_the_broadcast_it_finds_the_receipt"),
    ),
    Mutant(
        "commons/chain/verifiers.py",
        "    if verifier not in (_create2(to_canonical_address(factory), creation) for creation in creations):\n"
        "        raise _not_ours(verifier)\n",
        "",
        "nobody works for a verifier that may accept anything",
        _in("commons", "test_verifiers.py"),
    ),
    Mutant(
        "gradroll/commands/paying.py",
        "        end_told(arguments.console)\n",
        "",
        "what was paid for is told before it is forgotten",
        _in("gradroll", "test_outcomes_paid_for.py"),
    ),
    Mutant(
        "commons/protocol/evidence.py",
        "if self.first.body_hash == self.second.body_hash:",
        "if False:",
        "who says the same twice has not contradicted itself",
        _in("commons", "test_evidence.py"),
    ),
    Mutant(
        "commons/protocol/evidence.py",
        "if not meet or self.first.owner_set == self.second.owner_set:",
        "if not meet:",
        "who attests a set again, in another attempt or for another payee, loses no bond",
        _in("commons", "test_evidence.py"),
    ),
    Mutant(
        "commons/protocol/evidence.py",
        "        if self.first.place != self.second.place:\n",
        "        if False:\n",
        "sets of different rounds may meet",
        _in("commons", "test_evidence.py"),
    ),
    Mutant(
        "commons/protocol/witness.py",
        "        if not signs(signer, message.digest, message.signature):\n            return None\n",
        "",
        "nothing is held against a prover for what it did not sign",
        _in("commons", "test_evidence.py::test_nothing_is_held_against_who_did_not_sign"),
    ),
    Mutant(
        "commons/storage/evidencefiles.py",
        ">= _MOST_FILES",
        "< 0",
        "strangers' committees do not fill the disk with evidence",
        _in("commons", "test_evidence.py::test_what_is_remembered_and_what_is_written_is_bounded"),
    ),
    Mutant(
        "commons/chain/counting.py",
        " if self.counts(member)]",
        "]",
        "a member that revokes its key stops no batch that a quorum of others attested",
        _in("commons", "test_committees.py::test_a_member_that_revokes_its_key_after_it_attested_stops_no_batch"),
    ),
    Mutant(
        "coordinator/fleet.py",
        "frozenset(filter(counting.counts, ready))",
        "ready",
        "a batch's quorum is not made of keys that count no more",
        _in("coordinator", "test_fleet.py::test_whose_key_was_revoked_is_not_asked_to_take_part"),
    ),
    Mutant(
        "provers/prover.py",
        "if any(shown.committee != self.membership.committee for shown in (record, *others)):",
        "if False:",
        "shared keys of former members are sealed to no newcomer",
        _in("provers", "test_prover.py::test_keys_are_not_dealt_to_members_that_came_since"),
    ),
)
