"""Value iteration network on a grid of cells (Tamar et al., NeurIPS 2016): the plain baseline."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class GridVin(nn.Module):
    """Reward by two convolutions, then value iterations by one, then a score of four moves.

    Args:
        scalars: numbers a cell.
        hidden: width of the first convolution.
        actions: fields of Q.
        iterations: of the values.
    """

    def __init__(self, scalars: int, hidden: int = 100, actions: int = 40, iterations: int = 24):
        super().__init__()
        self.iterations = iterations
        self.hidden = nn.Conv2d(scalars, hidden, 3, padding=1)
        self.reward = nn.Conv2d(hidden, 1, 1)
        of_reward = torch.randn(actions, 1, 9) / 3
        of_values = 0.95 * (2 * torch.randn(actions, 1, 9)).softmax(-1)  # so that nothing blows up
        quality = torch.cat([of_reward, of_values], 1)
        self.quality = nn.Parameter(quality.unflatten(-1, (3, 3)))
        self.policy = nn.Conv2d(actions, 4, 1)

    def forward(self, cells: Tensor, iterations: int | None = None) -> Tensor:
        """Map cells (B, S, H, W) to scores of the moves (B, 4, H, W)."""
        reward = self.reward(self.hidden(cells).relu())
        of_reward = conv2d(reward, self.quality[:, :1], padding=1)
        quality = of_reward
        for _ in range((iterations or self.iterations) - 1):
            values = quality.amax(1, keepdim=True)
            quality = of_reward + conv2d(values, self.quality[:, 1:], padding=1)
        return self.policy(quality)
