"""Training and testing a watched model: the loops of the demo."""

from __future__ import annotations

import numpy as np

from accelsim.codesign.capture import watch


class Run:
    """One training set and one test set, and the order in which they are seen."""

    def __init__(self, torch, recipe, x, y, test, labels, say):
        self.torch, self.recipe, self.say = torch, recipe, say
        self.x, self.y, self.test, self.labels = x, y, test, labels
        self.random = np.random.default_rng(recipe.seed)

    def watched(self, model, encoders, sites, masks):
        transform = None if encoders is None else encoders.transform
        return watch(model, sites=sites, transform=transform, keep=masks)

    def accuracy(self, model, encoders=None, sites=None, masks=None) -> float:
        """The fraction of the test images whose class is found."""
        for module in (model, encoders):
            if module is not None:
                module.eval()
        right = 0
        with self.torch.inference_mode(), self.watched(model, encoders, sites, masks):
            for x, y in zip(self.test.split(250), self.labels.split(250)):
                right += int((model(x).argmax(1) == y).sum())
        return right / len(self.labels)

    def fit(self, model, epochs, rate, what, encoders=None, sites=None, masks=None) -> None:
        """Train for some epochs with one learning-rate cycle; images are shifted by up to two pixels and mirrored (no
        digits)."""
        torch, size = self.torch, self.recipe.batch
        parameters = [*model.parameters(), *(encoders.parameters() if encoders else ())]
        optimizer = torch.optim.AdamW(parameters, rate, weight_decay=0.01)
        steps = epochs * (len(self.x) // size)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=max(steps, 1), pct_start=0.2)
        for module in (model, encoders):
            if module is not None:
                module.train()
        with self.watched(model, encoders, sites, masks):
            for epoch in range(epochs):
                order = torch.from_numpy(self.random.permutation(len(self.x))).to(self.x.device)
                total = 0.0
                for picked in order[: len(order) // size * size].split(size):
                    loss = torch.nn.functional.cross_entropy(model(self.moved(self.x[picked])), self.y[picked])
                    if encoders is not None:
                        loss = loss + self.recipe.weight * encoders.loss()
                    optimizer.zero_grad()
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(parameters, 1.0)
                    optimizer.step()
                    schedule.step()
                    total += loss.item()
                self.say(f"{what}: epoch {epoch + 1} of {epochs}, loss {total / (len(order) // size):.3f}")

    def moved(self, x):
        """The batch, shifted and perhaps mirrored."""
        if x.shape[-1] < 16:  # digits are too small for it
            return x
        down, right = self.random.integers(-2, 3, 2).tolist()
        x = self.torch.roll(x, (down, right), (2, 3))
        return x.flip(3) if self.random.random() < 0.5 else x
