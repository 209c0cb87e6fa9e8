"""Sampling from a PixelCNN, one pixel after the other: as many passes as pixels. The places of the losses have the mean."""

import torch
from pixelcnn import network
from timing import run


def make_step(m=16):
    net = network()

    @torch.no_grad()
    def step():
        x = torch.zeros(m, 1, 14, 14)
        for i in range(14):
            for j in range(14):
                x[:, :, i, j] = torch.bernoulli(net(x)[:, :, i, j].sigmoid())
        return x.mean(), x.mean()

    return step


if __name__ == "__main__":
    run(make_step, steps=4, warm_up=1)
