"""One module a command.  Each adds its parser; what is heavy to import is imported when the command runs."""

from gradroll.commands import audit, bench, chain, claim, committee, coordinator, demo, prover, setup, submit, task

COMMANDS = (
    demo.add,
    submit.add,
    claim.add,
    task.add,
    audit.add,
    prover.add,
    coordinator.add,
    committee.add,
    chain.add,
    setup.add,
    bench.add,
)
