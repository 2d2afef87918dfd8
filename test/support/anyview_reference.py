"""AnyView's transformer in float64 NumPy, written from its description and not from the module under test.

``stock`` names what to do as a plain Cosmos-Predict2 (or a common library) does it, one deviation at a time.
"""

from __future__ import annotations

import math

import numpy as np

DEVIATIONS = (
    "own cross-attention gate",
    "normed final embedding",
    "base timestep embedder",
    "timestep times 1000",
    "sine first",
    "exact timestep",
    "positions go on from view to view",
    "interleaved rotary pairs",
    "rotary axes h w t",
    "no rope scale",
    "rope on cross-attention",
    "one patch embedding",
    "view embedding on the target",
    "no view embedding",
    "channel-major unpatchify",
    "channel-minor patchify",
    "norm eps 1e-4",
    "tanh gelu",
    "gate before scale",
    "no additive modulation",
    "cross-attention after the mlp",
    "views attend apart",
)


class Reference:
    def __init__(self, weights: dict[str, np.ndarray], heads: int, stock: str = "") -> None:
        assert stock in ("", *DEVIATIONS)
        self.w = {key: np.asarray(value, np.float64) for key, value in weights.items()}
        self.heads = heads
        self.stock = stock
        self.width = self.w["view_embs_newviews.0"].shape[1]

    def forward(self, target: np.ndarray, source: np.ndarray, tau: float, text: np.ndarray) -> np.ndarray:
        """(C, T, H, W) views and (tokens, width) text: the flow's 16 channels."""
        second = "x_embedder" if self.stock == "one patch embedding" else "x_embedder_newviews.0"
        first_tokens = self._patches(target) @ self.w["x_embedder.proj.1.weight"].T
        second_tokens = self._patches(source) @ self.w[f"{second}.proj.1.weight"].T
        if self.stock == "view embedding on the target":
            first_tokens = first_tokens + self.w["view_embs_newviews.0"]
        elif self.stock != "no view embedding":
            second_tokens = second_tokens + self.w["view_embs_newviews.0"]
        x = np.concatenate([first_tokens, second_tokens])
        embedding, offset = self._noise(tau)
        normed = self._rms(embedding, self.w["t_embedding_norm.weight"])
        grids = [(v.shape[1], v.shape[2] // 2, v.shape[3] // 2) for v in (target, source)]
        angles = self._angles(grids)
        for index in range(len({key.split(".")[1] for key in self.w if key.startswith("blocks.")})):
            x = self.block(index, x, normed, offset, angles, text, len(first_tokens))
        last = embedding if self.stock != "normed final embedding" else normed
        chunk = self._modulation("final_layer.adaln_modulation", last)
        shift, scale = np.split(chunk + offset[: 2 * self.width], 2)
        out = (_layer_norm(x[: len(first_tokens)]) * (1 + scale) + shift) @ self.w[
            "final_layer.linear.weight"
        ].T
        return self._lay(out, grids[0])

    def block(self, index, x, normed, offset, angles, text, first_count):
        name = f"blocks.{index}"
        if self.stock == "no additive modulation":
            offset = np.zeros_like(offset)
        parts = {
            part: np.split(self._modulation(f"{name}.adaln_modulation_{part}", normed) + offset, 3)
            for part in ("self_attn", "cross_attn", "mlp")
        }
        order = (0, 2, 1) if self.stock == "gate before scale" else (0, 1, 2)
        (s1, c1, g1), (s2, c2, g2), (s3, c3, g3) = (
            [parts[part][i] for i in order] for part in ("self_attn", "cross_attn", "mlp")
        )
        y = _layer_norm(x) * (1 + c1) + s1
        if self.stock == "views attend apart":
            n = first_count
            halves = [
                self._attend(f"{name}.self_attn", p, p, a, a)
                for p, a in ((y[:n], angles[:n]), (y[n:], angles[n:]))
            ]
            x = x + g1 * np.concatenate(halves)
        else:
            x = x + g1 * self._attend(f"{name}.self_attn", y, y, angles, angles)
        gate = g2 if self.stock == "own cross-attention gate" else g3
        turned = angles if self.stock == "rope on cross-attention" else None

        def cross(x: np.ndarray) -> np.ndarray:
            return x + gate * self._attend(
                f"{name}.cross_attn", _layer_norm(x) * (1 + c2) + s2, text, turned, None
            )

        def mlp(x: np.ndarray) -> np.ndarray:
            hidden = (_layer_norm(x) * (1 + c3) + s3) @ self.w[f"{name}.mlp.layer1.weight"].T
            return x + g3 * (self._gelu(hidden) @ self.w[f"{name}.mlp.layer2.weight"].T)

        return cross(mlp(x)) if self.stock == "cross-attention after the mlp" else mlp(cross(x))

    def _attend(self, name, x, context, query_angles, key_angles):
        q, k, v = (
            (tokens @ self.w[f"{name}.{part}_proj.weight"].T).reshape(len(tokens), self.heads, -1)
            for part, tokens in (("q", x), ("k", context), ("v", context))
        )
        q, k = self._rms(q, self.w[f"{name}.q_norm.weight"]), self._rms(k, self.w[f"{name}.k_norm.weight"])
        q = q if query_angles is None else self._rotate(q, query_angles)
        k = k if key_angles is None else self._rotate(k, key_angles)
        scores = np.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        mixed = np.einsum("hqk,khd->qhd", weights, v).reshape(len(x), -1)
        return mixed @ self.w[f"{name}.output_proj.weight"].T

    def _rotate(self, x, angles):
        c, s = np.cos(angles)[:, None], np.sin(angles)[:, None]
        if self.stock == "interleaved rotary pairs":
            a, b = x[..., 0::2], x[..., 1::2]
            return np.stack([a * c - b * s, a * s + b * c], axis=-1).reshape(x.shape)
        half = x.shape[-1] // 2
        a, b = x[..., :half], x[..., half:]
        return np.concatenate([a * c - b * s, a * s + b * c], axis=-1)

    def _angles(self, grids):
        head = self.width // self.heads
        space = head // 6 * 2
        time = head - 2 * space
        scale = 1.0 if self.stock == "no rope scale" else 3.0
        rows, start = [], 0
        for grid in grids:
            for t in range(grid[0]):
                for h in range(grid[1]):
                    for w in range(grid[2]):
                        axes = [
                            (start + t) * _frequencies(time, 1.0),
                            h * _frequencies(space, scale),
                            w * _frequencies(space, scale),
                        ]
                        rows.append(
                            np.concatenate(axes[1:] + axes[:1] if self.stock == "rotary axes h w t" else axes)
                        )
            start = grid[0] if self.stock == "positions go on from view to view" else 0
        return np.array(rows)

    def _noise(self, tau: float) -> tuple[np.ndarray, np.ndarray]:
        if self.stock != "exact timestep":
            tau = _bfloat16(tau)
        if self.stock == "timestep times 1000":
            tau *= 1000
        half = self.width // 2
        angle = tau * np.exp(-math.log(10000) * np.arange(half) / half)
        waves = (
            [np.sin(angle), np.cos(angle)] if self.stock == "sine first" else [np.cos(angle), np.sin(angle)]
        )
        embedding = np.concatenate(waves)
        name = "t_embedder.1" if self.stock == "base timestep embedder" else "t_embedder_newviews.0.1"
        hidden = _silu(embedding @ self.w[f"{name}.linear_1.weight"].T)
        return embedding, hidden @ self.w[f"{name}.linear_2.weight"].T

    def _modulation(self, name: str, embedding: np.ndarray) -> np.ndarray:
        return _silu(embedding) @ self.w[f"{name}.1.weight"].T @ self.w[f"{name}.2.weight"].T

    def _rms(self, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
        eps = 1e-4 if self.stock == "norm eps 1e-4" else 1e-6
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight

    def _gelu(self, x: np.ndarray) -> np.ndarray:
        if self.stock == "tanh gelu":
            return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
        return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))

    def _patches(self, view: np.ndarray) -> np.ndarray:
        channels, frames, height, width = view.shape
        rows = []
        for t in range(frames):
            for h in range(0, height, 2):
                for w in range(0, width, 2):
                    patch = view[:, t, h : h + 2, w : w + 2]
                    if self.stock == "channel-minor patchify":
                        patch = patch.transpose(1, 2, 0)
                    rows.append(patch.reshape(-1))
        assert rows[0].shape == (4 * channels,)
        return np.array(rows)

    def _lay(self, tokens: np.ndarray, grid: tuple[int, int, int]) -> np.ndarray:
        channels = tokens.shape[1] // 4
        out = np.zeros((channels, grid[0], 2 * grid[1], 2 * grid[2]))
        for index, token in enumerate(tokens):
            t, rest = divmod(index, grid[1] * grid[2])
            h, w = divmod(rest, grid[2])
            patch = token.reshape(2, 2, channels).transpose(2, 0, 1)
            if self.stock == "channel-major unpatchify":
                patch = token.reshape(channels, 2, 2)
            out[:, t, 2 * h : 2 * h + 2, 2 * w : 2 * w + 2] = patch
        return out[: (channels - 4) // 3]


def _frequencies(width: int, scale: float) -> np.ndarray:
    theta = 10000 * scale ** (width / (width - 2))
    return theta ** (-np.arange(0, width, 2) / width)


def _bfloat16(value: float) -> float:
    """Nearest bfloat16, ties to even."""
    bits = int(np.float32(value).view(np.uint32))
    bits += 0x7FFF + ((bits >> 16) & 1)
    return float(np.uint32(bits & 0xFFFF0000).view(np.float32))


def _silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


def _layer_norm(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-6)
