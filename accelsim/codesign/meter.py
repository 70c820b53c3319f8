"""Stop-watch and electricity meter for calls of PyTorch on a CPU or a CUDA device."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from accelsim.codesign.pytorch import need

WARM = 3  # calls before the first that counts
MOST = 2000  # calls of a case
ENERGY_S = 0.6  # of calls for a reading of energy


@dataclass(frozen=True)
class Reading:
    """Seconds of one call (median, and where a tenth and nine tenths are below), mean of calls in a queue, and, where
    they are known, joules of a call, its kernels on the device, and their summed time."""

    median_s: float
    p10_s: float
    p90_s: float
    wall_mean_s: float
    repeats: int
    joules: float | None = None
    kernels: int | None = None
    kernel_s: float | None = None


class Meter:
    """Times calls on a device, 'cpu' or 'cuda', for about `seconds` each."""

    def __init__(self, device: str, seconds: float) -> None:
        self.torch, self.device, self.seconds = need("torch", "measuring a platform"), device, seconds
        self.on_cuda = device != "cpu"
        self.counter = energy_counter(self.torch) if self.on_cuda else None

    def wait(self) -> None:
        """Until the device has done all it was given."""
        if self.on_cuda:
            self.torch.cuda.synchronize()

    def read(self, call: Callable[[], object], profile: bool = True) -> Reading:
        """Time a call."""
        with self.torch.inference_mode():
            for _ in range(WARM):
                call()
            self.wait()
            began = time.perf_counter()
            call()
            self.wait()
            once = max(time.perf_counter() - began, 1e-6)
            count = min(MOST, max(5, int(self.seconds / once)))
            each = sorted(self.one(call) for _ in range(count))
            began = time.perf_counter()
            for _ in range(count):
                call()
            self.wait()
            mean = (time.perf_counter() - began) / count
            found = {"joules": self.energy(call, mean)} if self.counter else {}
            if self.on_cuda and profile:
                found |= self.profile(call)
        return Reading(each[count // 2], each[count // 10], each[9 * count // 10], mean, count, **found)

    def one(self, call: Callable[[], object]) -> float:
        """Seconds of one call: between events on the device's own clock, or on the wall's."""
        if not self.on_cuda:
            began = time.perf_counter()
            call()
            return time.perf_counter() - began
        begin, end = (self.torch.cuda.Event(enable_timing=True) for _ in range(2))
        self.wait()
        begin.record()
        call()
        end.record()
        self.wait()
        return begin.elapsed_time(end) / 1e3

    def energy(self, call: Callable[[], object], mean: float) -> float:
        """Joules of a call, idle power included, from the device's counter."""
        count = max(2, int(ENERGY_S / mean))
        begin = self.counter()
        for _ in range(count):
            call()
        self.wait()
        return (self.counter() - begin) / count

    def profile(self, call: Callable[[], object]) -> dict[str, object]:
        """Kernels of a call and their time; nothing where the profiler does not work."""
        from torch.profiler import ProfilerActivity, profile

        with suppress(RuntimeError):
            with profile(activities=[ProfilerActivity.CUDA]) as seen:
                call()
                self.wait()
            events = [e for e in seen.events() if e.device_type.name == "CUDA" and not e.name.startswith("Mem")]
            if events:
                return {"kernels": len(events), "kernel_s": sum(e.time_range.elapsed_us() for e in events) / 1e6}
        return {}


def energy_counter(torch) -> Callable[[], float] | None:
    """Joules that the CUDA device has drawn so far, by NVML's counter; None where there is none."""
    with suppress(OSError, AttributeError):
        nvml, handle, reading = ctypes.CDLL("libnvidia-ml.so.1"), ctypes.c_void_p(), ctypes.c_ulonglong()
        identity = f"GPU-{torch.cuda.get_device_properties(0).uuid}".encode()
        if nvml.nvmlInit_v2() or nvml.nvmlDeviceGetHandleByUUID(identity, ctypes.byref(handle)):
            return None
        if nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(reading)):
            return None

        def joules() -> float:
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(reading))
            return reading.value / 1e3

        return joules
    return None
