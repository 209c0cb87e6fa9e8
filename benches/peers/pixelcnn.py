"""Training a PixelCNN (van den Oord et al. 2016): masked convolutions, a bit for each pixel."""

import torch
import torch.nn.functional as F
from timing import run
from torch import nn


class MaskedConv2d(nn.Conv2d):
    def __init__(self, inputs, outputs, kernel, mask="B"):
        super().__init__(inputs, outputs, kernel, padding=kernel // 2)
        seen = torch.ones(kernel, kernel)
        seen[kernel // 2, kernel // 2 + (mask == "B") :] = 0
        seen[kernel // 2 + 1 :] = 0
        self.register_buffer("mask", seen)

    def forward(self, x):
        return self._conv_forward(x, self.weight * self.mask, self.bias)


def network():
    return nn.Sequential(
        MaskedConv2d(1, 32, 7, "A"), nn.ReLU(),
        MaskedConv2d(32, 32, 3), nn.ReLU(), MaskedConv2d(32, 32, 3), nn.ReLU(), MaskedConv2d(32, 32, 3), nn.ReLU(),
        MaskedConv2d(32, 32, 1), nn.ReLU(), MaskedConv2d(32, 1, 1),
    )


def make_step(m=64):
    data = (torch.rand(2048, 1, 14, 14) < 0.3).float()
    net = network()
    opt = torch.optim.Adam(net.parameters(), lr=1e-3)

    def step():
        x = data[torch.randint(len(data), (m,))]
        loss = F.binary_cross_entropy_with_logits(net(x), x) * 196
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss, loss

    return step


if __name__ == "__main__":
    run(make_step, steps=60, warm_up=6)
