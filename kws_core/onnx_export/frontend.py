"""The features in ONNX: pre-emphasis, window, power spectrum, mel bank, logarithm and cosine transform."""

import numpy as np

from kws_core.config import SAMPLE_RATE_HZ
from kws_core.features.frontend import Frontend
from kws_core.features.kaldi import INT16_SCALE, LOG_FLOOR, PREEMPHASIS, povey_window
from kws_core.onnx_export.graph import INPUT, Graph


def write_frontend(graph: Graph, frontend: Frontend, pcm: str = INPUT, samples: int = SAMPLE_RATE_HZ) -> str:
    """Append features `[batch, time, coeff]` of the value `pcm [batch, samples]`, equal to `frontend`'s.

    The matrices of the Fourier transform and the mel bank are computed in the graph, from vectors: as constants they
    would weigh more than a small encoder. Runtimes compute them once, when they load the file.
    """
    even, odd = _halves(graph, frontend, pcm, samples)
    cosine, sine = _windowed_dft(graph, frontend)
    real, imaginary = graph.add("MatMul", even, cosine), graph.add("MatMul", odd, sine)
    power = graph.add("Add", graph.add("Mul", real, real), graph.add("Mul", imaginary, imaginary))
    energies = graph.add("MatMul", power, _mel(graph, frontend))
    features = graph.add("Log", graph.add("Clip", energies, graph.constant(LOG_FLOOR)))
    return graph.add("MatMul", features, graph.constant(frontend.dct)) if frontend.is_mfcc else features


def _halves(graph: Graph, frontend: Frontend, pcm: str, samples: int) -> tuple[str, str]:
    """Even and odd parts `[batch, time, half]` of the frames about their middle, after pre-emphasis.

    A power spectrum is the same wherever a frame starts; counted from its middle, its real part only sees the even
    and its imaginary part the odd half of the samples, for half the work. The window is zero at both ends and even,
    so the first sample needs none before it, and the window waits for the transform. As in `Frontend`, a DC offset
    passes pre-emphasis as (1 - 0.97) of the frame's mean, which is even.
    """
    window, hop = frontend.window_samples, frontend.hop_samples
    zero, last, one, stop = (graph.constant([value], np.int64) for value in (0, -1, 1, samples))
    previous = graph.add("Slice", pcm, zero, last, one)
    current = graph.add("Slice", pcm, one, stop, one)
    emphasised = graph.add("Sub", current, graph.add("Mul", previous, graph.constant(PREEMPHASIS)))
    half = (window - 1) // 2
    time = frontend.count_frames(samples)
    early = _frames(graph, emphasised, frontend, time, 0, half)
    late = _frames(graph, emphasised, frontend, time, window - 2 - half, half)
    late = graph.add("Slice", late, last, graph.constant([-half - 1], np.int64), graph.constant([2], np.int64), last)
    mean = graph.add("AveragePool", graph.add("Unsqueeze", pcm, one), kernel_shape=[window], strides=[hop])
    offset = graph.add("Mul", graph.add("Transpose", mean, perm=[0, 2, 1]), graph.constant(2 * (1 - PREEMPHASIS)))
    return graph.add("Sub", graph.add("Add", early, late), offset), graph.add("Sub", early, late)


def _frames(graph: Graph, signal: str, frontend: Frontend, time: int, first: int, length: int) -> str:
    """Stretches `[batch, time, length]` of a signal `[batch, samples]`, the first from sample `first`, a hop apart.

    Cut as whole hops laid side by side: gathering them sample by sample takes longer than the Fourier transform.
    """
    hop = frontend.hop_samples
    padded = graph.add("Pad", signal, graph.constant([0, 0, 0, hop], np.int64))
    columns = []
    for start in range(first, first + length, hop):
        ends = [graph.constant([value], np.int64) for value in (start, start + time * hop, 1)]
        blocks = graph.add("Reshape", graph.add("Slice", padded, *ends), graph.constant([0, time, hop], np.int64))
        ends = [graph.constant([value], np.int64) for value in (0, min(hop, first + length - start), 2)]
        columns.append(graph.add("Slice", blocks, *ends))
    return graph.add("Concat", *columns, axis=2)


def _windowed_dft(graph: Graph, frontend: Frontend) -> tuple[str, str]:
    """Cosine and sine matrices `[half, fft / 2]` of the windowed halves, without the Nyquist bin: no mel bin has it.

    Bin k turns sample n by pi k (window - 1 - 2 n) / fft: the entry k (window - 1 - 2 n) modulo 2 fft of one period,
    so that no angle loses precision.
    """
    size, early = frontend.fft_samples, np.arange(1, (frontend.window_samples - 1) // 2 + 1)
    steps = graph.constant(frontend.window_samples - 1 - 2 * early[:, None], np.int32)
    angles = graph.add("Mul", steps, graph.constant(np.arange(size // 2), np.int32))
    angles = graph.add("Mod", angles, graph.constant(2 * size, np.int32))
    weights = povey_window(frontend.window_samples)[early, None] * INT16_SCALE
    weights[2 * early == frontend.window_samples - 1] /= 2  # the middle sample of an odd window is its own pair
    window = graph.constant(weights)
    turns = np.pi * np.arange(2 * size) / size
    cosine, sine = (
        graph.add("Mul", graph.add("Gather", graph.constant(period), angles), window)
        for period in (np.cos(turns), np.sin(turns))
    )
    return cosine, sine


def _mel(graph: Graph, frontend: Frontend) -> str:
    """Mel bank `[fft / 2, mel]`, from its weights that are not zero."""
    mel = frontend.mel[: frontend.fft_samples : 2].cpu().numpy()  # the same for real and imaginary parts
    places = np.flatnonzero(mel)
    zeros = graph.add("ConstantOfShape", graph.constant([mel.size], np.int64))
    weights = graph.constant(mel.ravel()[places])
    filled = graph.add("ScatterElements", zeros, graph.constant(places, np.int32), weights)
    return graph.add("Reshape", filled, graph.constant(mel.shape, np.int64))
