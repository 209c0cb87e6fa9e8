"""An LSTM (Hochreiter and Schmidhuber 1997) that draws a picture row by row: 28 steps of 28 bits, each row from those before it."""

import torch
import torch.nn.functional as F
from timing import run
from torch import nn


def make_step(m=64):
    # A row is the one above it, moved by a pixel, with a new bit at its end: there is something to learn.
    data = (torch.rand(2048, 56) < 0.3).float().unfold(1, 28, 1).contiguous()
    lstm, head = nn.LSTM(28, 256, batch_first=True), nn.Linear(256, 28)
    opt = torch.optim.Adam([*lstm.parameters(), *head.parameters()], lr=1e-3)

    def step():
        x = data[torch.randint(len(data), (m,))]
        loss = F.binary_cross_entropy_with_logits(head(lstm(x[:, :-1])[0]), x[:, 1:]) * 28
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss, loss

    return step


if __name__ == "__main__":
    run(make_step, steps=60, warm_up=6)
