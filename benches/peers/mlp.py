"""The adversarial net of the 2014 paper on MNIST: G of rectifiers, D of maxout units with dropout, momentum."""

import torch
from timing import algorithm_1, run
from torch import nn


class Maxout(nn.Module):
    def __init__(self, inputs, units, pieces):
        super().__init__()
        self.units, self.pieces = units, pieces
        self.linear = nn.Linear(inputs, units * pieces)
        nn.init.uniform_(self.linear.weight, -0.005, 0.005)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.linear(x).unflatten(1, (self.units, self.pieces)).amax(2)


def make_step(m=100):
    data = torch.rand(6000, 784)
    G = nn.Sequential(
        nn.Linear(100, 1200), nn.ReLU(),
        nn.Linear(1200, 1200), nn.ReLU(),
        nn.Linear(1200, 784), nn.Sigmoid(),
    )
    D = nn.Sequential(
        nn.Dropout(0.2), Maxout(784, 240, 5),
        nn.Dropout(0.5), Maxout(240, 240, 5),
        nn.Dropout(0.5), nn.Linear(240, 1),
    )
    opt_G = torch.optim.SGD(G.parameters(), lr=0.05, momentum=0.5)
    opt_D = torch.optim.SGD(D.parameters(), lr=0.05, momentum=0.5)
    return algorithm_1(
        G, D, opt_G, opt_D,
        sample=lambda: data[torch.randint(len(data), (m,))],
        noise=lambda: torch.randn(m, 100),
    )


if __name__ == "__main__":
    run(make_step, steps=100, warm_up=10)
