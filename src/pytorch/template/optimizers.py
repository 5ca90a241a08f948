"""The optimizers and how their learning rate moves."""

import math

import torch


def make_optimizer(model, recipe):
    """SGD or AdamW. Weights of convolutions and matrix products decay; biases, norms, layer scales, tokens and positions do not."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    layers = [module for module in model.modules() if isinstance(module, (torch.nn.Linear, torch.nn.modules.conv._ConvNd))]
    of_layers = {id(layer.weight) for layer in layers}
    decayed = [id(parameter) in of_layers or is_matrix(parameter) for parameter in trained]
    groups = [
        {"params": [p for p, decays in zip(trained, decayed) if decays], "weight_decay": recipe.weight_decay},
        {"params": [p for p, decays in zip(trained, decayed) if not decays], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "adamw":
        return torch.optim.AdamW(groups, lr=recipe.lr)
    return torch.optim.SGD(
        groups,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov and recipe.momentum > 0,
    )


def is_matrix(parameter):
    """Whether a parameter outside of a layer is multiplied with; one for all images (1 x tokens x width) or per channel (C x 1 x 1) is not."""
    extents = [extent for extent in parameter.shape if extent > 1]
    return parameter.ndim == 2 or (parameter.ndim > 2 and parameter.shape[0] > 1 and len(extents) > 1)


def rate_at(recipe, step, total_steps, steps_per_epoch):
    """The learning rate of one step, counted from 0 over the whole run."""
    warmup = min(recipe.warmup_epochs * steps_per_epoch, total_steps)
    if step < warmup:
        return recipe.lr * (step + 1) / max(1, warmup)
    done = min(1.0, (step - warmup) / (total_steps - warmup)) if total_steps > warmup else 1.0
    if recipe.schedule == "cosine":
        share = recipe.final_share + (1 - recipe.final_share) * 0.5 * (1 + math.cos(math.pi * done))
    elif recipe.schedule == "linear":
        share = recipe.final_share + (1 - recipe.final_share) * (1 - done)
    elif recipe.schedule == "step":
        share = 1 if done < 0.5 else 0.1 if done < 0.75 else 0.01
    else:
        share = 1
    return recipe.lr * share


def set_rate(optimizer, rate):
    for group in optimizer.param_groups:
        group["lr"] = rate
