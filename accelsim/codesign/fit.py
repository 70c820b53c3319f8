"""Training and testing a network of the demo: one training set, one test set, and the loops over them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from accelsim.codesign.network import Network
from accelsim.codesign.pytorch import need
from accelsim.core.errors import InputError, suggest

if TYPE_CHECKING:
    from accelsim.codesign.demo_data import Data
    from accelsim.codesign.train_demo import Recipe

PRECISIONS = ("auto", "float32", "bfloat16")
DECAY = 0.01  # of the weights
SHIFT = 2  # pixels
PROBE_STEPS, WARM_STEPS = 12, 4  # timed, and before them


class Run:
    """Images and labels on the device that trains, and the order in which they are seen."""

    def __init__(self, recipe: Recipe, data: Data, say: Callable[[str], None]):
        self.torch, self.recipe, self.say = need("torch", "training the demo"), recipe, say
        need("torch.nn.attention", "training the demo")
        torch = self.torch
        if recipe.precision not in PRECISIONS:
            raise InputError(
                f"precision is {recipe.precision!r} but must be one of {', '.join(PRECISIONS)}"
                f"{suggest(recipe.precision, PRECISIONS)}."
            )
        if not 1 <= recipe.batch <= len(data.train):
            raise InputError(f"batch is {recipe.batch} but must be from 1 to the {len(data.train)} training images.")
        cuda = torch.cuda.is_available()
        self.device = recipe.device if recipe.device != "auto" else "cuda" if cuda else "cpu"
        self.on_gpu = self.device.startswith("cuda")
        if self.on_gpu:
            torch.set_float32_matmul_precision("high")
        self.half = recipe.precision == "bfloat16" or (recipe.precision == "auto" and self.on_gpu)
        self.x, self.y, self.test, self.labels = (torch.from_numpy(a).to(self.device) for a in data)
        self.background = float(self.x.min())
        self.tests_epochs = False  # whether the log has the accuracy of every epoch
        self.random = np.random.default_rng(recipe.seed)

    @property
    def steps_an_epoch(self) -> int:
        """Batches of an epoch; images that fill none are left for another."""
        return len(self.x) // self.recipe.batch

    @contextmanager
    def precise(self) -> Iterator[None]:
        """The context in which networks run: 16-bit products on a GPU, and the fused attention that every GPU has."""
        torch = self.torch
        with ExitStack() as stack:
            if self.half:
                stack.enter_context(torch.autocast(self.device.split(":")[0], torch.bfloat16))
            if self.on_gpu:
                kinds = torch.nn.attention.SDPBackend
                allowed = [kinds.FLASH_ATTENTION, kinds.EFFICIENT_ATTENTION, kinds.MATH]
                stack.enter_context(torch.nn.attention.sdpa_kernel(allowed))
            yield

    def accuracy(self, network: Network) -> float:
        """The fraction of the test images whose class is found."""
        network.train(False)
        right, at_once = 0, 1000 if self.on_gpu else 250
        with self.torch.inference_mode(), self.precise():
            for x, y in zip(self.test.split(at_once), self.labels.split(at_once)):
                right += (network(x).argmax(1) == y).sum()
        return int(right) / len(self.labels)

    def fit(self, network: Network, epochs: float, rate: float, what: str) -> None:
        """Train for some epochs, the last perhaps not whole, with one cycle of the learning rate: a fifth of warm-up,
        then a cosine."""
        torch, size = self.torch, self.recipe.batch
        steps = round(epochs * self.steps_an_epoch)
        parameters = list(network.train().parameters())
        optimizer = torch.optim.AdamW(parameters, rate, weight_decay=DECAY, fused=self.on_gpu or None)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 1), pct_start=0.2)
        begun, total, batches = time.monotonic(), 0.0, iter(())
        for step in range(1, steps + 1):
            picked = next(batches, None)
            if picked is None:
                order = torch.from_numpy(self.random.permutation(len(self.x))).to(self.device)
                batches, total, first = iter(order[: self.steps_an_epoch * size].split(size)), 0.0, step
                picked = next(batches)
            total = total + self.step(network, parameters, optimizer, picked)
            schedule.step()
            if step % self.steps_an_epoch == 0 or step == steps:
                said = f"loss {float(total) / (step - first + 1):.3f}, {time.monotonic() - begun:.1f} s"
                if self.tests_epochs and step < steps:
                    said += f", accuracy {self.accuracy(network):.4f}"
                    network.train()
                self.say(f"{what}: epoch {step / self.steps_an_epoch:.4g} of {epochs:.4g}, {said}")

    def step(self, network: Network, parameters: list[Any], optimizer: Any, picked: Any) -> Any:
        """One step of training with the images of these numbers; the loss, where it was computed."""
        torch = self.torch
        with self.precise():
            loss = torch.nn.functional.cross_entropy(network(self.moved(self.x[picked])), self.y[picked])
            loss = loss + self.recipe.weight * network.loss()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        return loss.detach()

    def step_seconds(self, network: Network) -> float:
        """What a step of training takes, measured on a network that is thrown away."""
        parameters = list(network.train().parameters())
        optimizer = self.torch.optim.AdamW(parameters, 1e-5, fused=self.on_gpu or None)
        picked = self.torch.arange(self.recipe.batch, device=self.device)
        for step in range(WARM_STEPS + PROBE_STEPS):
            if step == WARM_STEPS:
                self.finished()
                begun = time.monotonic()
            self.step(network, parameters, optimizer, picked)
        self.finished()
        return (time.monotonic() - begun) / PROBE_STEPS

    def finished(self) -> None:
        """Wait for the device."""
        if self.on_gpu:
            self.torch.cuda.synchronize()

    def moved(self, x: Any) -> Any:
        """The batch, every image shifted by up to two pixels and perhaps mirrored; digits are too small for either."""
        if x.shape[-1] < 16:
            return x
        torch, n, side = self.torch, len(x), x.shape[-1]
        drawn = torch.from_numpy(self.random.integers(0, 2 * SHIFT + 1, (2, n, 1))).to(self.device, non_blocking=True)
        flip = torch.from_numpy(self.random.random(n) < 0.5).to(self.device, non_blocking=True)
        along = torch.arange(side, device=self.device)
        rows, columns = drawn[0] + along, torch.where(flip[:, None], drawn[1] + side - 1 - along, drawn[1] + along)
        padded = torch.nn.functional.pad(x, (SHIFT,) * 4, value=self.background)
        images = torch.arange(n, device=self.device)[:, None, None]
        return padded[images, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
