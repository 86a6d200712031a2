"""One module a command.  Each adds its parser; what is heavy to import is imported when the command runs."""

from gradroll.commands import (
    audit,
    bench,
    chain,
    claim,
    collect,
    committee,
    coordinator,
    demo,
    model,
    owner,
    prover,
    scales,
    setup,
    submit,
    task,
    verifier,
)

COMMANDS = (
    demo.add,
    submit.add,
    claim.add,
    collect.add,
    owner.add,
    scales.add,
    task.add,
    audit.add,
    model.add,
    prover.add,
    coordinator.add,
    committee.add,
    chain.add,
    verifier.add,
    setup.add,
    bench.add,
)
