"""An exponential average of the weights, which is validated and kept in their place."""

import torch


class Average:
    """
    average = kept * average + (1 - kept) * value, running statistics included. In the first steps less is kept,
    (1 + steps) / (10 + steps), so that the average forgets where it started.
    """

    def __init__(self, model, decay):
        self.decay, self.steps = decay, 0
        self.values = {key: value.detach().clone() for key, value in model.state_dict().items()}

    @torch.no_grad()
    def move(self, model):
        kept = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for key, value in model.state_dict().items():
            if value.is_floating_point():
                self.values[key].lerp_(value.to(self.values[key]), 1 - kept)
            else:
                self.values[key].copy_(value)
        self.steps += 1

    def state(self):
        return {"steps": self.steps, "values": self.values}

    def load(self, state):
        self.steps = state["steps"]
        for key, value in state["values"].items():
            self.values[key].copy_(value)
