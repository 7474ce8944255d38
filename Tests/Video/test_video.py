"""`libcolorize video`: films made by ffmpeg, and what ffprobe finds in those that were written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

import libcolorize

ROOT = Path(__file__).resolve().parents[2]
COMMAND = os.environ["LIBCOLORIZE_COMMAND"]
CAMERA = ROOT / "examples/photos/camera.png"
# What the network sees of a frame here: small, for the time it takes.
SMALL = ("--network-size", "64")


def ffmpeg(*arguments: object) -> None:
    subprocess.run(["ffmpeg", "-v", "error", "-y", *map(str, arguments)], check=True)


def film(path: Path, *after: object, size="96x64", frames=12, rate="25", before=()) -> Path:
    """A window that moves over a photograph."""
    motion = f"crop={size.replace('x', ':')}:n*2:20,fps={rate}"
    ffmpeg("-loop", 1, "-framerate", rate, "-i", CAMERA, *before, "-vf", motion,
           "-frames:v", frames, *after, path)  # fmt: skip
    return path


def colorize(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(
        [COMMAND, "video", *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert result.returncode == status, result.stderr
    return result


def probe(path: Path, *more: str) -> dict:
    command = ["ffprobe", "-v", "error", "-show_streams", "-show_format", "-show_chapters", *more]
    return json.loads(subprocess.check_output([*command, "-of", "json", path]))


def pictures(path: Path) -> dict:
    return next(s for s in probe(path)["streams"] if s["codec_type"] == "video")


def times(path: Path) -> list[float]:
    frames = probe(path, "-select_streams", "v", "-show_frames")["frames"]
    return [float(frame["pts_time"]) for frame in frames]


def decoded(path: Path, pixels: str = "rgb24") -> np.ndarray:
    """[frames, height, width, 3]"""
    stream = pictures(path)
    raw = subprocess.check_output(
        ["ffmpeg", "-v", "error", "-i", path, "-fps_mode", "passthrough", "-f", "rawvideo",
         "-pix_fmt", pixels, "pipe:1"])  # fmt: skip
    dtype = np.uint16 if pixels == "rgb48le" else np.uint8
    return np.frombuffer(raw, dtype).reshape(-1, stream["height"], stream["width"], 3)


def test_frames_are_those_of_a_sequence(tmp_path: Path):
    """Lossless and in RGB on the way in, within the rounding of luma and chroma on the way out."""
    film(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "bgr0", size="97x61")
    colorize(tmp_path / "in.mkv", "-o", tmp_path / "out.mkv", "--codec", "ffv1", *SMALL)
    gray = decoded(tmp_path / "in.mkv")
    with libcolorize.Model() as model, model.sequence(97, 61, network_size=64) as sequence:
        expected = np.stack(list(sequence.frames(gray)))
    found = decoded(tmp_path / "out.mkv")
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).max() <= 3
    assert np.abs(expected.astype(int) - gray).max() > 20


def test_everything_else_is_kept(tmp_path: Path):
    (tmp_path / "words.srt").write_text("1\n00:00:00,000 --> 00:00:00,300\nwords\n")
    (tmp_path / "chapters").write_text(
        ";FFMETADATA1\ntitle=A film\ncomment=from a loft\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\n"
        "END=200\ntitle=One\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=200\nEND=480\ntitle=Two\n"
    )
    before = ("-f", "lavfi", "-i", "sine=duration=0.48", "-i", tmp_path / "words.srt",
              "-i", tmp_path / "chapters", "-map_metadata", "3", "-map_chapters", "3")  # fmt: skip
    maps = ("-map", "0:v", "-map", "1:a", "-map", "2:s", "-c:a", "aac")
    for name, subtitle in (("mkv", "srt"), ("mp4", "mov_text")):
        source = film(
            tmp_path / f"in.{name}", *maps, "-c:s", subtitle, "-metadata:s:a", "language=nld",
            "-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709",
            "-color_trc", "bt709", "-pix_fmt", "yuv420p", before=before)  # fmt: skip
        colorize(source, "-o", tmp_path / f"out.{name}", *SMALL)
        old, new = probe(source), probe(tmp_path / f"out.{name}")
        kinds = [(s["codec_type"], s["codec_name"]) for s in new["streams"]]
        assert kinds == [(s["codec_type"], s["codec_name"]) for s in old["streams"]]
        sound = next(s for s in new["streams"] if s["codec_type"] == "audio")
        assert sound["tags"]["language"] == "nld"
        assert [c["tags"]["title"] for c in new["chapters"]] == ["One", "Two"]
        stream = pictures(tmp_path / f"out.{name}")
        for tag in ("color_space", "color_primaries", "color_transfer"):
            assert stream[tag] == "bt709"
        assert (stream["color_range"], stream["pix_fmt"]) == ("tv", "yuv420p")
        tags = {key.lower(): value for key, value in new["format"]["tags"].items()}
        assert tags["title"] == "A film"
        assert tags["comment"].startswith("from a loft; Colors guessed by libcolorize ")
        # The sound is the same bytes.
        digests = [
            subprocess.check_output(
                [
                    "ffmpeg",
                    "-v",
                    "error",
                    "-i",
                    path,
                    "-map",
                    "0:a",
                    "-c",
                    "copy",
                    "-f",
                    "md5",
                    "pipe:1",
                ]
            )
            for path in (source, tmp_path / f"out.{name}")
        ]
        assert digests[0] == digests[1]


def test_variable_times_and_a_late_beginning(tmp_path: Path):
    pictures_alone, source = tmp_path / "pictures.mkv", tmp_path / "in.mkv"
    ffmpeg("-loop", 1, "-framerate", 25, "-i", CAMERA,
           "-vf", "crop=96:64:n:20,settb=1/1000,setpts='N*N*0.01/TB'",
           "-fps_mode", "passthrough", "-enc_time_base", "1/1000",
           "-frames:v", 9, pictures_alone)  # fmt: skip
    ffmpeg("-itsoffset", 0.2, "-i", pictures_alone, "-f", "lavfi", "-i", "sine=duration=1",
           "-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "flac", source)  # fmt: skip
    colorize(source, "-o", tmp_path / "out.mkv", *SMALL)
    assert times(source)[0] == pytest.approx(0.2, abs=2e-3)
    assert times(tmp_path / "out.mkv") == pytest.approx(times(source), abs=2e-3)


@pytest.mark.parametrize("matrix", ["bt709", "smpte170m"])
@pytest.mark.parametrize("full", ["tv", "pc"])
def test_luma_is_kept(tmp_path: Path, matrix: str, full: str):
    """Conversions there and back with the film's own matrix and range leave lightness as it was."""
    source = film(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p",
                  "-color_range", full, "-colorspace", matrix)  # fmt: skip
    colorize(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--saturation", "0.01", *SMALL)
    assert pictures(tmp_path / "out.mkv")["color_space"] == matrix
    luma = [
        np.frombuffer(subprocess.check_output(
            ["ffmpeg", "-v", "error", "-i", path, "-vf", "extractplanes=y", "-f", "rawvideo", "-"]),
            np.uint8).astype(int)
        for path in (source, tmp_path / "out.mkv")
    ]  # fmt: skip
    assert np.abs(luma[0] - luma[1]).max() <= 2


def test_ten_bits(tmp_path: Path):
    source = film(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv420p10le",
                  size="128x64", frames=4)  # fmt: skip
    for name in ("h264", "h265", "ffv1"):
        colorize(source, "-o", tmp_path / f"{name}.mkv", "--codec", name, *SMALL)
        assert pictures(tmp_path / f"{name}.mkv")["pix_fmt"] == "yuv420p10le"


def test_odd_sides_alpha_gray_and_interlaced(tmp_path: Path):
    odd = film(tmp_path / "odd.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", size="33x21", frames=3)
    colorize(odd, "-o", tmp_path / "out.mp4", *SMALL)
    stream = pictures(tmp_path / "out.mp4")
    assert (stream["width"], stream["height"], stream["pix_fmt"]) == (33, 21, "yuv444p")
    alpha = film(tmp_path / "alpha.mov", "-c:v", "qtrle", "-pix_fmt", "argb", frames=3)
    result = colorize(alpha, "-o", tmp_path / "out.mp4", *SMALL)
    assert "its alpha is left out" in result.stderr
    gray = film(tmp_path / "gray.mkv", "-c:v", "ffv1", "-pix_fmt", "gray", frames=3)
    colorize(gray, "-o", tmp_path / "out.mp4", *SMALL)
    assert np.abs(np.diff(decoded(tmp_path / "out.mp4").astype(int), axis=3)).max() > 10
    lines = film(tmp_path / "lines.mkv", "-c:v", "ffv1", "-field_order", "tt", frames=6)
    if pictures(lines)["field_order"] == "tt":
        assert "is deinterlaced" in colorize(lines, "-o", tmp_path / "out.mp4", *SMALL).stderr


def test_a_rotated_film_is_written_upright(tmp_path: Path):
    film(tmp_path / "flat.mp4", frames=3)
    ffmpeg("-display_rotation", 90, "-i", tmp_path / "flat.mp4", "-c", "copy",
           tmp_path / "turned.mp4") if version() >= 6 else ffmpeg(
        "-i", tmp_path / "flat.mp4", "-c", "copy", "-metadata:s:v", "rotate=270",
        tmp_path / "turned.mp4")  # fmt: skip
    colorize(tmp_path / "turned.mp4", "-o", tmp_path / "out.mp4", *SMALL)
    stream = pictures(tmp_path / "out.mp4")
    assert (stream["width"], stream["height"]) == (64, 96)
    assert not any("rotation" in data for data in stream.get("side_data_list", []))


def version() -> int:
    text = subprocess.check_output(["ffmpeg", "-version"], text=True)
    return int(text.split()[2].lstrip("n").split(".")[0])


def test_a_part_and_side_by_side(tmp_path: Path):
    source = film(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p", frames=25)
    colorize(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--preview", "0.4,0:00.8",
             "--side-by-side", *SMALL)  # fmt: skip
    both = decoded(tmp_path / "out.mkv").astype(int)
    assert both.shape == (10, 64, 192, 3)
    assert np.abs(np.diff(both[:, :, :96], axis=3)).max() <= 3
    assert np.abs(np.diff(both[:, :, 96:], axis=3)).max() > 10
    assert np.abs(both[:, :, :96] - decoded(source)[10:20]).max() <= 3


def test_hints_at_their_time(tmp_path: Path):
    (tmp_path / "hints").write_text("# a window\n0.2,30,30,#c02020,8\n")
    source = film(tmp_path / "in.mkv", "-c:v", "ffv1", "-pix_fmt", "yuv444p")
    colorize(source, "-o", tmp_path / "out.mkv", "--codec", "ffv1", "--hints", tmp_path / "hints",
             *SMALL)  # fmt: skip
    colorize(source, "-o", tmp_path / "plain.mkv", "--codec", "ffv1", *SMALL)
    there = (decoded(tmp_path / "out.mkv").astype(int) - decoded(tmp_path / "plain.mkv"))[:, 30]
    assert np.abs(there[:5]).max() == 0
    for index in range(5, 9):
        assert there[index, 30 - 2 * (index - 5), 0] > 10
    (tmp_path / "late").write_text("9,1,1,#102030\n")
    said = colorize(source, "-o", tmp_path / "late.mkv", "--hints", tmp_path / "late", *SMALL)
    assert "ends before 1 of the hints" in said.stderr


def test_damaged_and_empty_films(tmp_path: Path):
    source = film(
        tmp_path / "in.mp4", "-movflags", "+faststart", "-g", 5, frames=50, size="320x200"
    )
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    result = subprocess.run([COMMAND, "video", cut, "-o", tmp_path / "out.mp4", *SMALL],
                            capture_output=True, text=True)  # fmt: skip
    assert "cut.mp4" in result.stderr
    assert 10 < len(times(tmp_path / "out.mp4")) < 50
    raw = film(tmp_path / "in.h264", "-f", "h264")
    colorize(raw, "-o", tmp_path / "raw.mp4", *SMALL)
    assert len(times(tmp_path / "raw.mp4")) == 12
    empty = tmp_path / "empty.mkv"
    ffmpeg("-i", source, "-frames:v", 0, "-c", "copy", empty)
    assert "empty.mkv: " in colorize(empty, "-o", tmp_path / "e.mkv", *SMALL, status=1).stderr
    sound = tmp_path / "sound.mkv"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=0.1", sound)
    assert "no film in it" in colorize(sound, "-o", tmp_path / "e.mkv", status=1).stderr
    assert not list(tmp_path.glob("e.mkv*"))
    nothing = colorize(tmp_path / "nowhere.mp4", "-o", tmp_path / "e.mkv", status=1)
    assert nothing.stderr == (f"libcolorize: {tmp_path}/nowhere.mp4: No such file or directory\n")


def test_what_is_refused(tmp_path: Path):
    source = film(tmp_path / "in.mkv", frames=2)
    for arguments, why in [
        (("-o", source), "is the input, which is not overwritten"),
        (("-o", "a.avi"), "films are written as .mp4, .m4v, .mov or .mkv"),
        (("-o", "a.mp4", "--codec", "ffv1"), "ffv1 is written as .mkv"),
        (("--crf", "52"), "--crf is 52; it must be 0 to 51"),
        (("--steadiness", "0"), "--steadiness is 0.0; it must be 1 to 100"),
        (("--preview", "3,2"), "FROM before TO"),
        (("--preset", "reference"), "films are colored with the default one"),
    ]:
        assert why in colorize(source, *arguments, status=64).stderr
    environment = {**os.environ, "PATH": "/nowhere"}
    result = subprocess.run([COMMAND, "video", source], capture_output=True, text=True,
                            env=environment)  # fmt: skip
    assert result.returncode == 1
    assert "is not installed" in result.stderr


def begun(source: Path, out: Path, segments: int, *arguments: object) -> subprocess.Popen[str]:
    """A run that has written so many segments, and is at work on the next one."""
    process = subprocess.Popen([COMMAND, "video", source, "-o", out, *SMALL, *map(str, arguments)],
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    behind = Path(f"{out}.parts") / f"{segments}.segment"
    while not behind.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.5)
    return process


def long_film(tmp_path: Path) -> Path:
    return film(tmp_path / "in.mkv", "-c:v", "ffv1", frames=1200, size="96x64",
                before=("-f", "lavfi", "-i", "sine=duration=48"))  # fmt: skip


def test_ctrl_c_leaves_a_film(tmp_path: Path):
    source, out = long_film(tmp_path), tmp_path / "out.mp4"
    process = begun(source, out, 0)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert sorted(tmp_path.glob("out*")) == [out]
    count = len(times(out))
    assert 0 < count < 250
    assert said.endswith(f"stopped; it has the first {count} frames\n")


@pytest.mark.parametrize(
    ("name", "codec"), [("out.mp4", "h264"), ("out.mkv", "h265"), ("out.mkv", "ffv1")]
)
def test_resumed(tmp_path: Path, name: str, codec: str):
    """Killed, and interrupted: in the end the film is that of a run that nobody stopped."""
    (tmp_path / "hints").write_text(
        "0.5,60,30,#c02020,8\n9.9,30,30,#2020c0,8\n15,30,30,#2020c0,8\n"
    )
    options = ("--codec", codec, "--hints", tmp_path / "hints")
    source, out, whole = long_film(tmp_path), tmp_path / name, tmp_path / f"whole-{name}"
    colorize(source, "-o", whole, *options, *SMALL)
    process = begun(source, out, 1, *options)
    process.kill()
    process.communicate()
    assert not out.exists()
    process = begun(source, out, 2, *options, "--resume")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert "--resume goes on" in said
    assert 500 < len(times(out)) < 750
    other = colorize(source, "-o", out, *SMALL, "--resume", status=64)
    assert "was begun with other options or files" in other.stderr
    colorize(source, "-o", out, *SMALL, *options, "--resume")
    assert np.array_equal(decoded(out), decoded(whole))
    assert times(out) == times(whole)
    assert np.allclose(times(whole), times(source), atol=2e-3)
    assert sorted(tmp_path.glob("out*")) == [out]


def test_one_run_writes_a_film(tmp_path: Path):
    source, out = long_film(tmp_path), tmp_path / "out.mp4"
    process = begun(source, out, 0)
    said = colorize(source, "-o", out, *SMALL, status=1)
    assert said.stderr == f"libcolorize: {out} is being written by another process\n"
    process.kill()
    process.communicate()
