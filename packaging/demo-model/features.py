"""Whisper's features: 80 log-mel bands every 10 ms of 16 kHz sound, and the value that its padding has."""

import numpy as np
from scipy import fft

BANDS, WINDOW, HOP = 80, 400, 160


def mel_filters():
    """Slaney's mel filters, each of unit area, as Whisper's own (librosa.filters.mel(sr=16000, n_fft=400, n_mels=80))."""
    linear_step, log_step, corner = 200 / 3, np.log(6.4) / 27, 15.0
    to_hz = lambda mel: np.where(mel < corner, mel * linear_step, 1000 * np.exp(log_step * (mel - corner)))
    top = corner + np.log(8000 / 1000) / log_step
    edges = to_hz(np.linspace(0, top, BANDS + 2))
    frequency = np.arange(WINDOW // 2 + 1) * 16000 / WINDOW
    rising = (frequency[None] - edges[:-2, None]) / np.diff(edges)[:-1, None]
    falling = (edges[2:, None] - frequency[None]) / np.diff(edges)[1:, None]
    area = 2 / (edges[2:] - edges[:-2])
    return (np.maximum(0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


FILTERS = mel_filters()
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def log_mel(samples_8khz):
    """(frames, 80) of 8 kHz sound, and the value of every frame of silence behind it (it follows from the loudest point)."""
    count = len(samples_8khz)
    length = fft.next_fast_len(count + 64, real=True)
    sound = fft.irfft(fft.rfft(samples_8khz, length), 2 * length)[: 2 * count].astype(np.float32) * 2
    frames = len(sound) // HOP
    padded = np.concatenate([sound[1 : WINDOW // 2 + 1][::-1], sound, np.zeros(WINDOW, np.float32)])
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames] * HANN
    spectrum = fft.rfft(pieces, axis=1)
    logs = np.log10(np.maximum((spectrum.real**2 + spectrum.imag**2) @ FILTERS.T, 1e-10))
    loudest = logs.max()
    return (np.maximum(logs, loudest - 8) + 4) / 4, float((max(-10.0, loudest - 8) + 4) / 4)
