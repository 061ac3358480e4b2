"""Attention among tokens, whose order it does not know."""

from __future__ import annotations

from torch import Tensor, nn

NOWHERE = -1e4  # logit of what is not there


class Block(nn.Module):
    """A layer of a transformer without positions: it commutes with any order of its tokens."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.ask = nn.Linear(width, 3 * width, bias=False)
        self.answer = nn.Linear(width, width)
        self.mix = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, tokens: Tensor, missing: Tensor | None = None) -> Tensor:
        """Map (B, T, C) to the same; ``missing`` (B, 1, 1, T) is added to the logits."""
        asked = self.ask(self.before(tokens)).unflatten(-1, (3, self.heads, -1))
        query, key, value = asked.permute(2, 0, 3, 1, 4).unbind(0)
        logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        share = (logits if missing is None else logits + missing.to(logits)).softmax(-1)
        tokens = tokens + self.answer((share @ value).transpose(1, 2).flatten(2))
        return tokens + self.mix(self.between(tokens))
