"""The filter for frei0r in ffmpeg and in melt: its frames are those of the library's sequences."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np

import libcolorize

ROOT = Path(__file__).resolve().parents[2]
CAMERA = ROOT / "examples/photos/camera.png"
# The folder of the built filter.
FILTER = os.environ["LIBCOLORIZE_FREI0R"]
WIDTH, HEIGHT, FRAMES = 97, 61, 6


def frames(width: int) -> np.ndarray:
    """Gray frames as RGB, [FRAMES, HEIGHT, width, 3]: a window that moves over a photograph, and
    black beside it."""
    raw = subprocess.check_output(
        [
            "ffmpeg",
            "-v",
            "error",
            "-loop",
            "1",
            "-framerate",
            "25",
            "-i",
            CAMERA,
            "-vf",
            f"crop={WIDTH}:{HEIGHT}:n*2:20,format=gray",
            "-frames:v",
            str(FRAMES),
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "pipe:1",
        ]
    )
    pictures = np.frombuffer(raw, np.uint8).reshape(FRAMES, HEIGHT, WIDTH, 3)
    return np.pad(pictures, ((0, 0), (0, 0), (0, width - WIDTH), (0, 0)))


def film(path: Path, pictures: np.ndarray) -> None:
    size = f"{pictures.shape[2]}x{pictures.shape[1]}"
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-s",
            size,
            "-r",
            "25",
            "-i",
            "pipe:0",
            "-c:v",
            "ffv1",
            "-pix_fmt",
            "bgr0",
            path,
        ],
        input=pictures.tobytes(),
        check=True,
    )


def decoded(path: Path, width: int) -> np.ndarray:
    raw = subprocess.check_output(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    )
    return np.frombuffer(raw, np.uint8).reshape(-1, HEIGHT, width, 3)


def sequence(pictures: np.ndarray, steadiness: float = 16, **dials: float) -> np.ndarray:
    height, width = pictures.shape[1:3]
    with (
        libcolorize.Model() as model,
        model.sequence(width, height, steadiness=steadiness) as opened,
    ):
        return np.stack(list(opened.frames(pictures, **dials)))


def run_ffmpeg(source: Path, target: Path, parameters: str = "", padded: bool = True) -> str:
    pad = f"pad=ceil(iw/16)*16:ih,frei0r=colorize{parameters},crop={WIDTH}:{HEIGHT}:0:0:exact=1"
    result = subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-y",
            "-i",
            source,
            "-vf",
            pad if padded else f"frei0r=colorize{parameters}",
            "-c:v",
            "ffv1",
            "-pix_fmt",
            "bgr0",
            target,
        ],
        env={**os.environ, "FREI0R_PATH": FILTER},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert result.returncode == 0, result.stderr
    return result.stderr


def test_ffmpeg(tmp_path: Path):
    """A width that is no multiple of 16 is padded before and cropped after, as README.md says."""
    film(tmp_path / "in.mkv", frames(WIDTH))
    run_ffmpeg(tmp_path / "in.mkv", tmp_path / "out.mkv")
    expected = sequence(frames(112))[:, :, :WIDTH]
    assert np.array_equal(decoded(tmp_path / "out.mkv", WIDTH), expected)
    assert np.abs(np.diff(expected.astype(int), axis=3)).max() > 10


def test_parameters(tmp_path: Path):
    film(tmp_path / "in.mkv", frames(112))
    run_ffmpeg(tmp_path / "in.mkv", tmp_path / "out.mkv", ":1|1|1|0", padded=False)
    expected = sequence(frames(112), steadiness=1, temperature=1, saturation=2)
    assert np.array_equal(decoded(tmp_path / "out.mkv", 112), expected)
    run_ffmpeg(tmp_path / "in.mkv", tmp_path / "out.mkv", ":0.38|0.5|0|0.5", padded=False)
    assert np.array_equal(decoded(tmp_path / "out.mkv", 112), frames(112))
    model = ROOT / "Sources/ColorizeDefaultModel/default.safetensors"
    run_ffmpeg(tmp_path / "in.mkv", tmp_path / "out.mkv", f":0.38|0.5|1|0.5|{model}", padded=False)
    assert np.array_equal(decoded(tmp_path / "out.mkv", 112), sequence(frames(112)))


def test_what_goes_wrong_is_said_once_and_frames_pass(tmp_path: Path):
    film(tmp_path / "in.mkv", frames(112))
    said = run_ffmpeg(
        tmp_path / "in.mkv", tmp_path / "out.mkv", ":0.38|0.5|1|0.5|/nowhere", padded=False
    )
    assert said.count("frei0r colorize: cannot read /nowhere: ") == 1
    assert np.array_equal(decoded(tmp_path / "out.mkv", 112), frames(112))


def test_melt(tmp_path: Path):
    """melt gives every filter whole rows, whatever the width."""
    film(tmp_path / "in.mkv", frames(WIDTH))
    profile = tmp_path / "profile"
    profile.write_text(
        f"description=test\nframe_rate_num=25\nframe_rate_den=1\nwidth={WIDTH}\nheight={HEIGHT}\n"
        "progressive=1\nsample_aspect_num=1\nsample_aspect_den=1\n"
        f"display_aspect_num={WIDTH}\ndisplay_aspect_den={HEIGHT}\ncolorspace=709\n"
    )
    result = subprocess.run(
        [
            "melt",
            "-profile",
            profile,
            tmp_path / "in.mkv",
            "-filter",
            "frei0r.colorize",
            "-consumer",
            f"avformat:{tmp_path}/out.mkv",
            "vcodec=ffv1",
            "pix_fmt=bgr0",
            "mlt_image_format=rgba",
            "real_time=-1",
            "an=1",
        ],
        env={**os.environ, "FREI0R_PATH": FILTER, "SDL_AUDIODRIVER": "dummy"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert (tmp_path / "out.mkv").exists(), result.stderr
    found = decoded(tmp_path / "out.mkv", WIDTH)
    assert len(found) == FRAMES
    expected = sequence(frames(WIDTH))
    assert np.abs(found.astype(int) - expected).max() <= 1
