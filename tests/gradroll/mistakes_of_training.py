"""The third part of the table of `mistakes`: manifests and scales, trainings by a rule, model cards, hidden models."""

from __future__ import annotations

from tests.gradroll.mistakes import AUDITOR, DATA_OWNER, IS_IT_RUNNING, MODEL_OWNER, UNREACHED, USAGE, Mistake

_CREATE = "task create --bound 1000 --reward 1 --config model-owner.toml"
_RULED = "--manifest ruled.json --config model-owner.toml"
_HIDE = "model hide hidden.npy --network network.json --secret hiding.key --out new.npy"
_TERMS = "model terms view.npy --manifest hidden.json --samples samples.npy --targets samples.npy --out new.npy"
_RECOVER = (
    "model recover hidden-sum.npy --model hidden.npy --view view.npy --manifest hidden.json --secret hiding.key "
    "--out new.npy"
)
_ANOTHER_TASKS = "is it meant for another task?"
_NO_RULE = "task 0x… has no training rule: "

MANIFESTS = (
    Mistake(MODEL_OWNER, "scales without blocks", "scales --sample model.npy", USAGE,
            "gradroll scales: error: ", "one of the arguments --block --manifest --network is required"),
    Mistake(MODEL_OWNER, "blocks that are longer than a sample", "scales --sample model.npy --block all=4",
            "invalid-input", "the sample 0 has shape (3,), the task is for 4 coordinates; ", _ANOTHER_TASKS),
    Mistake(MODEL_OWNER, "a block without a length", "scales --sample model.npy --block all", USAGE,
            "gradroll scales: error: argument --block: 'all' ", "is no whole number from 1 to 268435456"),
    Mistake(MODEL_OWNER, "a sample that is not there", "scales --sample absent.npy --block all=3", "unknown",
            "there is no sample file absent.npy; ", "correct the path"),
    Mistake(MODEL_OWNER, "scales of a hidden model for a task that grades",
            "scales --sample hidden-sum.npy --network network.json --graded", "config",
            "a task with a hidden model does not grade, so its scales are others; ", "leave out --graded"),
    Mistake(MODEL_OWNER, "a file in place of a model manifest", f"{_CREATE} --manifest numbers.txt", "invalid-input",
            "…numbers.txt is no model manifest: a model manifest is JSON; these bytes are not; ",
            "name one that gradroll scales or gradroll task manifest wrote"),
    Mistake(MODEL_OWNER, "a key for sums over another key", "setup sum-key --out poor.json", "storage",
            "poor.json exists already; ", "it is not overwritten, so choose another name"),
    Mistake(MODEL_OWNER, "another key in place of that for sums",
            f"{_CREATE} --manifest ruled.json --sum-key poor.json", "bad-key-file",
            "poor.json: not a key file of kind 'sum-key'; ", "name the right file"),
    Mistake(MODEL_OWNER, "a key for sums that is not there", f"{_CREATE} --manifest ruled.json --sum-key absent.key",
            "bad-key-file", "absent.key: no such key file; ", "create the keys first, or correct the path"),
    Mistake(DATA_OWNER, "the manifest of a task that has none", "task manifest {task} --out got.json --config "
            "owner-0.toml", "unknown", "the terms of task 0x… name no model manifest: ", "its vectors have one scale"),
    Mistake(DATA_OWNER, "a manifest read while the coordinator is down",
            "task manifest {ruled} --out got.json --config owner-0.toml", "unavailable", UNREACHED, IS_IT_RUNNING),
    Mistake(DATA_OWNER, "a manifest read without naming who serves it",
            "task manifest {ruled} --out got.json --config chain.toml", "config",
            "model_owner.coordinator is missing: ", "put it under [model_owner] in the file given by --config, set "
            "GRADROLL_MODEL_OWNER_COORDINATOR, or pass --coordinator"),
)  # fmt: skip
RULES = (
    Mistake(MODEL_OWNER, "private sums with a training rule", f"{_CREATE} --manifest ruled.json --sum-key sums.key",
            "invalid-input", "whoever knows the training rule computes a round's sum from the models before and after "
            "it, so the task's sums would not be private: ", "leave out the rule, or the key for sums"),
    Mistake(MODEL_OWNER, "the next model of a task without a rule",
            "task next {task} --out next.npy --config model-owner.toml", "invalid-input", _NO_RULE,
            "which model follows is yours to say"),
    Mistake(MODEL_OWNER, "the next model before the first round", f"task next {{ruled}} --out next.npy {_RULED}",
            "invalid-input", "task 0x… has no round yet: ",
            "open the first one on a model of your own (gradroll task open --model)"),
    Mistake(MODEL_OWNER, "the manifest of another task", "task next {ruled} --out next.npy --manifest hidden.json "
            "--config model-owner.toml", "invalid-input", "the model manifest at hand has the digest 0x…, the task's "
            "terms name 0x…; ", "name the task's own"),
    Mistake(MODEL_OWNER, "the next model while the coordinator is down",
            "task next {ruled} --out next.npy --config model-owner.toml", "unavailable", UNREACHED, IS_IT_RUNNING),
    Mistake(MODEL_OWNER, "a first round without a model", f"task open {{ruled}} {_RULED}", "invalid-input",
            "task 0x… has no round yet: ", "open the first one on a model of your own (gradroll task open --model)"),
    Mistake(MODEL_OWNER, "a round without a model or a rule", "task open {bare} --config model-owner.toml",
            "invalid-input", _NO_RULE, "name the model (--model)"),
    Mistake(MODEL_OWNER, "a metric before the first round", f"task decide {{ruled}} --metric 0.5 {_RULED}",
            "not-ready", "no round of task 0x… is over, so there is no model to decide about; ", "decide when one is"),
    Mistake(MODEL_OWNER, "a stop without a rule", "task decide {task} --stop --config model-owner.toml",
            "invalid-input", _NO_RULE, "which model follows is yours to say"),
    Mistake(MODEL_OWNER, "a metric of another form", f"task decide {{ruled}} --metric 1e3 {_RULED}", USAGE,
            "gradroll task decide: error: argument --metric: '1e3' ",
            "is no number of at most six digits behind the point, such as 0.9731"),
    Mistake(MODEL_OWNER, "a decision that says nothing", f"task decide {{ruled}} {_RULED}", USAGE,
            "gradroll task decide: error: ", "one of the arguments --metric --stop is required"),
    Mistake(MODEL_OWNER, "a model card without the manifest", "model card {ruled} --out card --config chain.toml",
            "unavailable", "nobody serves the manifest of task 0x…: ", "name its file (--manifest)"),
    Mistake(MODEL_OWNER, "a model card with the manifest of another task",
            "model card {ruled} --out card --manifest hidden.json --config chain.toml", "invalid-input",
            "the model manifest at hand has the digest 0x…, the task's terms name 0x…; ", "name the task's own"),
    Mistake(AUDITOR, "a model card that is not there", "model verify absent.json --config chain.toml", "unknown",
            "there is no model card absent.json; ", "correct the path"),
    Mistake(AUDITOR, "a file in place of a model card", "model verify ruled.json --config chain.toml", "invalid-input",
            "ruled.json is no model card: a part of the model card is missing: manifest; ",
            "name the card.json that gradroll model card wrote"),
)  # fmt: skip
HIDDEN = (
    Mistake(MODEL_OWNER, "a hidden model with public sums", f"{_CREATE} --manifest hidden.json", "invalid-input",
            "sums that are public give a hidden model away; ",
            "make them private, with a key for sums (--sum-key)"),
    Mistake(MODEL_OWNER, "a hidden model in a task that grades",
            f"{_CREATE} --manifest hidden.json --sum-key sums.key --reference-data model.npy", "invalid-input",
            "grades say nothing of what owners hand in for a hidden model; ", "take a policy that does not grade"),
    Mistake(MODEL_OWNER, "a hidden model with a training rule", f"{_CREATE} --manifest both.json --sum-key sums.key",
            "invalid-input", "…both.json is no model manifest: nobody could check a training rule of a hidden model; "
            "leave one of them out; ", "name one that gradroll scales or gradroll task manifest wrote"),
    Mistake(MODEL_OWNER, "a model hidden in no network", _HIDE.replace("--network network.json ", ""), USAGE,
            "gradroll model hide: error: ", "one of the arguments --manifest --network is required"),
    Mistake(MODEL_OWNER, "a network that is none", _HIDE.replace("network.json", "numbers.txt"), "invalid-input",
            "numbers.txt describes no network that can be hidden (the description of a network is JSON; these bytes "
            "are not); ", "correct it by what docs/model-privacy.md shows"),
    Mistake(MODEL_OWNER, "a manifest in which nothing is hidden",
            _HIDE.replace("--network network.json", "--manifest ruled.json"), "invalid-input",
            "ruled.json says nothing of a hidden model; ",
            "name the manifest of a task that has one, or describe the network (--network)"),
    Mistake(MODEL_OWNER, "a model of another network", _HIDE.replace("hidden.npy", "model.npy"), "invalid-input",
            "the model has shape (3,), the task is for 4 coordinates; ", _ANOTHER_TASKS),
    Mistake(MODEL_OWNER, "a second secret for a task", f"{_HIDE} --first", "storage",
            "hiding.key exists already, and is not replaced; ",
            "leave out --first if it is this task's secret, or name another file for another task"),
    Mistake(MODEL_OWNER, "a later model hidden without the secret", _HIDE.replace("hiding.key", "absent.key"),
            "bad-key-file", "absent.key: there is no such secret; ",
            "correct the path to this task's, or pass --first if this is its first model"),
    Mistake(MODEL_OWNER, "another key in place of the secret", _HIDE.replace("hiding.key", "sums.key"),
            "bad-key-file", "sums.key: not a key file of kind 'hiding-key'; ", "name the right file"),
    Mistake(MODEL_OWNER, "the secret of another network", _HIDE.replace("hiding.key", "wider.key"), "key-mismatch",
            "wider.key was made for the network 0x…, this one is 0x…; ",
            "name the secret and the network of one task"),
    Mistake(MODEL_OWNER, "a view over the model", _HIDE.replace("new.npy", "hidden.npy"), "invalid-input",
            "hidden.npy is what is read, and would be replaced; ", "choose another name"),
    Mistake(MODEL_OWNER, "a secret for a task that hides nothing",
            "task open {bare} --model model.npy --secret hiding.key --config model-owner.toml", "invalid-input",
            "--view and --secret are for a task that hides its models, which this one does not: ",
            "leave them out, and name the model to publish (--model)"),
    Mistake(MODEL_OWNER, "a sum of another task", _RECOVER.replace("hidden-sum.npy", "model.npy"), "invalid-input",
            "the sum has shape (3,), the task is for 10 coordinates; ", _ANOTHER_TASKS),
    Mistake(MODEL_OWNER, "the model of another round", _RECOVER.replace("hidden.npy", "later.npy"), "key-mismatch",
            "view.npy is not the view of later.npy by hiding.key; ",
            "name the model, the view and the secret of the round that the sum is of"),
    Mistake(DATA_OWNER, "samples that are no rows", _TERMS.replace("samples samples.npy", "samples model.npy"),
            "invalid-input", "there are samples of shape (3,) and targets of shape (5, 1): ",
            "one row of outputs for each sample, of which there is at least one"),
    Mistake(DATA_OWNER, "the view of another network", _TERMS.replace("view.npy", "model.npy"), "invalid-input",
            "the view has shape (3,), the task is for 4 coordinates; ", _ANOTHER_TASKS),
)  # fmt: skip
TRAINING_MISTAKES = (*MANIFESTS, *RULES, *HIDDEN)
