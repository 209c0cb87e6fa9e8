"""The log-likelihood by Parzen windows of 10,000 points of 784 numbers, with as many samples of a model; in the places of the
losses the mean and its standard error."""

import math

import torch
from timing import run


def make_step(n=10_000, d=784, sigma=0.2, batch=1000):
    model, test = torch.rand(n, d), torch.rand(n, d)
    constant = math.log(n) + d * math.log(sigma * math.sqrt(2 * math.pi))

    # All distances at once would take 400 MB.
    def step():
        exponents = (-torch.cdist(x, model).square() / (2 * sigma**2) for x in test.split(batch))
        each = torch.cat([exponent.logsumexp(dim=1) for exponent in exponents]) - constant
        return each.mean(), each.std() / math.sqrt(n)

    return step


if __name__ == "__main__":
    run(make_step, steps=3, warm_up=1)
