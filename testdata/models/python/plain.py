# Nothing is called that a model does not need.
import torch


def forward(model, x, eval=False):
    model.eval()
    return torch.compile(model)(x)
