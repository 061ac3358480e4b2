"""EqMotion as its paper and release write it, agent by agent and pair by pair, in float64 numpy.

Slow and plain on purpose: it is what the network is checked against, and what the benchmark calls
the reference form. It reads the weights of ``equi_nodes.models.eqmotion.EqMotion(FAITHFUL)``.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dct, idct


def silu(x):
    return x / (1 + np.exp(-x))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class LiteralEqMotion:
    """The published forward pass for one scene without padding."""

    def __init__(self, model):
        self.a = model.architecture
        self.w = {name: value.double().numpy() for name, value in model.state_dict().items()}

    def linear(self, name, x, head=0):
        y = x @ self.w[f"{name}.weight"][head]
        return y + self.w[f"{name}.bias"][head] if f"{name}.bias" in self.w else y

    def mlp(self, name, x, head=0, last=silu):
        return last(self.linear(f"{name}.2", silu(self.linear(f"{name}.0", x, head)), head))

    def __call__(self, past):
        """Return absolute positions (K, N, F, d) of the futures of past (N, T, d)."""
        centre = past.mean((0, 1))
        velocity = np.diff(past, axis=1)
        velocity = np.concatenate([velocity[:, :1], velocity], 1)
        speed = np.linalg.norm(velocity, axis=-1)
        angle = np.array([self.angles(track) for track in velocity])
        x = dct(past - centre, axis=1, norm="ortho")
        v = dct(velocity, axis=1, norm="ortho")
        g = x.mean((0, 1))
        # channel-linear maps act on the channel axis, here axis 0 of each agent's (C, d)
        geometry = np.array([self.channels("initialise.positions", row - g) + g for row in x])
        motion = np.array([self.channels("initialise.velocities", row) for row in v])
        pattern = np.concatenate(
            [self.linear("initialise.speeds", speed), self.linear("initialise.turnings", angle)], 1
        )
        category = self.categories(geometry, motion, pattern)
        for layer in range(self.a.layers):
            geometry, pattern = self.layer(
                f"layers.{layer}", geometry, motion, pattern, category, update=True
            )
        futures = []
        for head in range(self.a.modes):
            features, _ = self.layer("heads", geometry, motion, pattern, category, head)
            mean = features.mean((0, 1))
            spectrum = np.array(
                [self.channels("decode.output", row - mean, head) + mean for row in features]
            )
            futures.append(idct(spectrum, axis=1, norm="ortho") + centre)
        return np.array(futures)

    def channels(self, name, vectors, head=0):
        return self.w[f"{name}.weight"][head].T @ vectors

    @staticmethod
    def angles(velocity):
        before = np.concatenate([velocity[:1], velocity[:-1]])
        result = []
        for u, w in zip(before, velocity):
            cosine = (u @ w) / ((np.linalg.norm(u) + 1e-6) * (np.linalg.norm(w) + 1e-6))
            result.append(np.arccos(np.clip(cosine, -1, 1)))
        return result

    def categories(self, geometry, motion, pattern):
        n = len(geometry)
        z = np.concatenate([geometry, motion], 1)
        q = {}
        for i in range(n):
            for j in range(n):
                q[i, j] = self.mlp("reason.distance", np.linalg.norm(z[i] - z[j], axis=-1))
        nodes = []
        for i in range(n):
            total = np.zeros(self.a.width)
            for j in range(n):
                if j != i:
                    pair = np.concatenate([pattern[i], pattern[j], q[i, j]])
                    hidden = silu(self.linear("reason.message.joint", pair))
                    total += silu(self.linear("reason.message_out", hidden))
            nodes.append(self.mlp("reason.node", np.concatenate([pattern[i], total])))
        category = np.zeros((n, n, self.a.categories))
        for i in range(n):
            for j in range(n):
                pair = np.concatenate([nodes[i], nodes[j], q[i, j]])
                hidden = silu(self.linear("reason.category.joint", pair))
                logits = silu(self.linear("reason.category_out", hidden)) / self.a.temperature
                exponent = np.exp(logits - logits.max())
                category[i, j] = exponent / exponent.sum()
        return category

    def layer(self, name, geometry, motion, pattern, category, head=0, update=False):
        n = len(geometry)
        scale = sigmoid(self.linear(f"{name}.attention", pattern, head))
        result = geometry + scale[..., None] * (geometry - geometry.mean((0, 1)))
        edge = {}
        for i in range(n):
            for j in range(n):
                if j == i:
                    continue
                offset = geometry[i] - geometry[j]
                edge[i, j] = np.concatenate(
                    [pattern[i], pattern[j], np.linalg.norm(offset, axis=-1)]
                )
                total = 0.0
                for k in range(self.a.used_categories):
                    hidden = silu(self.linear(f"{name}.edge.{k}.joint", edge[i, j], head))
                    total = total + category[i, j, k] * silu(
                        self.linear(f"{name}.edge_out.{k}", hidden, head)
                    )
                result[i] = result[i] + self.mlp(f"{name}.gain", total, head)[:, None] * offset
        result = np.array(
            [row + self.channels(f"{name}.inject", m, head) for row, m in zip(result, motion)]
        )
        result = self.rectify(name, result, head)
        if not update:
            return result, pattern
        new = []
        for i in range(n):
            total = np.zeros(self.a.width)
            for j in range(n):
                if j != i:
                    hidden = silu(self.linear(f"{name}.message.joint", edge[i, j], head))
                    total += silu(self.linear(f"{name}.message_out", hidden, head))
            inputs = np.concatenate([pattern[i], total])
            new.append(pattern[i] + self.mlp(f"{name}.update", inputs, head, last=lambda x: x))
        return result, np.array(new)

    def rectify(self, name, geometry, head):
        mean = geometry.mean((0, 1))
        result = []
        for row in geometry:
            q = self.channels(f"{name}.query", row - mean, head)
            k = self.channels(f"{name}.key", row - mean, head)
            for c in range(len(q)):
                product = q[c] @ k[c]
                if product < 0:
                    q[c] = q[c] - product / (k[c] @ k[c] + 1e-4) * k[c]
            result.append(mean + q)
        return np.array(result)
