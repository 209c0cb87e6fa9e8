"""What every peer shares: its options, the loop that is timed, and the line that it ends with.

PyTorch's eager mode with its own defaults. A step is one pass of Algorithm 1 with k = 1: D's update on a real and a
generated minibatch, then G's update.
"""

import argparse
import time

import torch
import torch.nn.functional as F


def bce(logits, target):
    """Binary cross-entropy of logits against one target for all."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def loss_of_d(D, x, x_fake):
    return (bce(D(x), 1.0) + bce(D(x_fake), 0.0)) / 2


def two_losses(G, opt_G, opt_D, sample, noise, loss_of_d, loss_of_g):
    """The step of any GAN: `loss_of_d(x, x_fake)`, then `loss_of_g(x_fake)`, whose gradient reaches G alone."""

    def step():
        x = sample()
        with torch.no_grad():
            x_fake = G(noise())
        loss_D = loss_of_d(x, x_fake)
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()

        loss_G = loss_of_g(G(noise()))
        opt_G.zero_grad()
        loss_G.backward(inputs=list(G.parameters()))
        opt_G.step()
        return loss_D, loss_G

    return step


def algorithm_1(G, D, opt_G, opt_D, sample, noise, penalty=None):
    """The step of a plain GAN with the non-saturating loss; `penalty(x, x_fake)` is added to D's loss."""

    def step():
        x = sample()
        with torch.no_grad():
            x_fake = G(noise())
        loss_D = loss_of_d(D, x, x_fake)
        if penalty:
            loss_D = loss_D + penalty(x, x_fake)
        opt_D.zero_grad()
        loss_D.backward()
        opt_D.step()

        loss_G = bce(D(G(noise())), 1.0)
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        return loss_D, loss_G

    return step


def run(make_step, steps, warm_up):
    """Times `steps` calls of what `make_step()` returns, which gives the losses of D and G."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--warm-up", type=int, default=warm_up)
    parser.add_argument("--threads", type=int, help="default: PyTorch's own choice")
    parser.add_argument("--device", default="cpu", help="where everything is computed: cpu, cuda")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--compile", action="store_true", help="the step through torch.compile")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.set_default_device(options.device)
    torch.manual_seed(options.seed)
    # Work on a graphics processor is only queued by a step.
    finish = torch.cuda.synchronize if options.device.startswith("cuda") else lambda: None
    step = torch.compile(make_step()) if options.compile else make_step()
    for _ in range(options.warm_up):
        step()
    finish()
    start = time.perf_counter()
    for _ in range(options.steps):
        loss_D, loss_G = step()
    finish()
    seconds = time.perf_counter() - start
    print(f"seconds {seconds} loss_D {loss_D.item()} loss_G {loss_G.item()}")
