"""Hidden models in PyTorch: a `torch.nn.Sequential` as scheme and vector, and back, and owners' terms by autograd.

PyTorch is the extra ``torch``; it is imported when something here is called.  Everything is computed in float64.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from circuits.arrays import FloatArray, float_vector
from circuits.errors import InvalidInputError
from commons.protocol.hidingschemes import AVERAGE_POOL, CONV, FLATTEN, LINEAR, MAX_POOL, HidingScheme, Layer
from commons.runtime.extras import require
from gradroll.hiddenmodel.ownerterms import combine


def scheme_of(
    network: Any, input_shape: Sequence[int], groups: Sequence[int], gamma: Sequence[float]
) -> HidingScheme:  # fmt: skip
    """The scheme of a network.

    Args:
        network: `Sequential` of `Linear`, `Conv2d`, `ReLU`, `MaxPool2d`, `AvgPool2d` and `Flatten`, with a ReLU right
            behind each layer that has weights but the last, and nowhere else.
        input_shape: of one sample.
        groups, gamma: as of `HidingScheme`.

    Raises:
        InvalidInputError: another sort of module or option, layers without biases, or a ReLU missing or in another
            place.
    """
    torch = _torch()
    layers: list[Layer] = []
    modules = list(network)
    for at, module in enumerate(modules):
        if isinstance(module, torch.nn.ReLU):
            if not layers or modules[at - 1] is not _weighted(torch, modules[at - 1]):
                raise InvalidInputError("a ReLU must stand right behind a layer with weights")
            continue
        layers.append(_layer(torch, module))
        followed = at + 1 < len(modules) and isinstance(modules[at + 1], torch.nn.ReLU)
        if layers[-1].weighted and followed == (at == _last(torch, modules)):
            raise InvalidInputError("a ReLU must stand behind each layer with weights but the last")
    return HidingScheme(tuple(input_shape), tuple(layers), tuple(groups), tuple(gamma))


def vector_of(network: Any) -> FloatArray:
    """The weights and biases of such a network as the flat vector of its scheme, float64[model_length]."""
    torch = _torch()
    parts = [
        value.detach().cpu().double().numpy().ravel()
        for module in network if _weighted(torch, module) is module for value in (module.weight, module.bias)
    ]  # fmt: skip
    return np.concatenate(parts)


def network_of(scheme: HidingScheme, model: FloatArray) -> Any:
    """The `Sequential` of a scheme with the numbers of a model or a view, in float64."""
    torch = _torch()
    model = float_vector(model, scheme.model_length, "model")
    network = torch.nn.Sequential(*_modules(torch, scheme)).double()
    weighted = [module for module in network if _weighted(torch, module) is module]
    with torch.no_grad():
        for module, where in zip(weighted, scheme.weights, strict=True):
            part = torch.from_numpy(model[where.place].copy())
            module.weight.copy_(part[: -where.shape[0]].reshape(where.shape))
            module.bias.copy_(part[-where.shape[0] :])
    return network


def owner_terms_by_torch(scheme: HidingScheme, view: FloatArray, samples: Any, targets: Any) -> FloatArray:
    """What `ownerterms.owner_terms` gives, computed by PyTorch: float64[handed_in].

    Args:
        view: float64[model_length], the model that the round publishes.
        samples: array or tensor of shape (n, ...) of the scheme's input.
        targets: of shape (n, K).

    Raises:
        InvalidInputError: another shape.
    """
    torch = _torch()
    network = network_of(scheme, view)
    batch = torch.as_tensor(np.asarray(samples, dtype=np.float64))
    if tuple(batch.shape[1:]) != scheme.input or not len(batch):
        raise InvalidInputError(
            f"samples have shape {tuple(batch.shape)}, the scheme takes (n, *{scheme.input}), n > 0"
        )
    hidden = network[:-1](batch)
    outputs, alpha = network[-1](hidden), 1.0 + hidden.sum(dim=1)
    numbers = [value for module in network for value in module.parameters()]

    def derivative(of_outputs: FloatArray, of_alpha: FloatArray) -> FloatArray:
        whole = (outputs * torch.from_numpy(of_outputs)).sum() + (alpha * torch.from_numpy(of_alpha)).sum()
        found = torch.autograd.grad(whole, numbers, retain_graph=True, allow_unused=True, materialize_grads=True)
        return np.concatenate([each.numpy().ravel() for each in found])

    known = outputs.detach().numpy(), alpha.detach().numpy()
    return combine(scheme, *known, np.asarray(targets, dtype=np.float64), derivative)


def _torch() -> Any:
    require("a hidden model in PyTorch", "torch", "torch")
    return import_module("torch")


def _weighted(torch: Any, module: Any) -> Any:
    """The module itself, if it has weights; None otherwise."""
    return module if isinstance(module, torch.nn.Linear | torch.nn.Conv2d) else None


def _last(torch: Any, modules: Sequence[Any]) -> int:
    """Where the last layer with weights is."""
    return max(at for at, module in enumerate(modules) if _weighted(torch, module) is module)


def _layer(torch: Any, module: Any) -> Layer:
    """The layer that a module is."""
    nn = torch.nn
    if _weighted(torch, module) is module and module.bias is None:
        raise InvalidInputError("each layer with weights must have biases")
    if isinstance(module, nn.Linear):
        return Layer(LINEAR, module.out_features)
    if isinstance(module, nn.Flatten) and (module.start_dim, module.end_dim) == (1, -1):
        return Layer(FLATTEN)
    if isinstance(module, nn.Conv2d) and module.groups == 1 and module.padding_mode == "zeros":
        _require_plain(module, ("dilation", 1))
        return Layer(CONV, module.out_channels, _one(module.kernel_size), _one(module.stride), _one(module.padding))
    if isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
        _require_plain(module, ("dilation", 1), ("padding", 0), ("ceil_mode", False), ("divisor_override", None))
        kind = MAX_POOL if isinstance(module, nn.MaxPool2d) else AVERAGE_POOL
        return Layer(kind, kernel=_one(module.kernel_size), stride=_one(module.stride))
    raise InvalidInputError(f"a {type(module).__name__} as it is here cannot be part of a hidden model")


def _require_plain(module: Any, *options: tuple[str, Any]) -> None:
    for name, plain in options:
        value = getattr(module, name, plain)
        if value not in (plain, (plain, plain)):
            raise InvalidInputError(f"{name} of a {type(module).__name__} must be {plain} in a hidden model")


def _one(value: Any) -> int:
    """A size that is alike in both directions."""
    sizes = value if isinstance(value, tuple) else (value, value)
    if len(set(sizes)) != 1 or not isinstance(sizes[0], int):
        raise InvalidInputError(f"{value} must be one integer for both directions in a hidden model")
    return int(sizes[0])


def _modules(torch: Any, scheme: HidingScheme) -> Iterator[Any]:
    """The modules of a scheme's layers, with the ReLUs between."""
    nn, shape = torch.nn, scheme.input
    for at, layer in enumerate(scheme.layers):
        if layer.kind == LINEAR:
            yield nn.Linear(shape[0], layer.outputs)
        elif layer.kind == CONV:
            yield nn.Conv2d(shape[0], layer.outputs, layer.kernel, layer.stride, layer.padding)
        elif layer.kind == FLATTEN:
            yield nn.Flatten()
        else:
            yield (nn.MaxPool2d if layer.kind == MAX_POOL else nn.AvgPool2d)(layer.kernel, layer.stride)
        if layer.weighted and at + 1 < len(scheme.layers):
            yield nn.ReLU()
        shape = layer.shape_after(shape)
