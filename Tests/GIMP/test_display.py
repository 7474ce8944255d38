"""The filter as its user sees it: dialog, progress, cancel, undo, and what it remembers."""

import os
import signal
import time
from configparser import ConfigParser

import numpy as np
import pytest
from display import SHORTCUT
from gimp import read_png, write_png
from server import wait_for

from pictures import as_rgb, expected, photograph

DIALOG = "^Colorize photo$"
GRAY = "1"  # gimp-image-base-type


@pytest.fixture
def settings(display):
    """The file of settings, which is not there at first."""
    file = display.host.profile / "libcolorize-photo.ini"
    file.unlink(missing_ok=True)
    return file


class Opened:
    """An image in a window."""

    def __init__(self, display, folder, pixels):
        self.display = display
        self.folder = folder
        self.title = f"picture{id(self)}"
        path = folder / f"{self.title}.png"
        write_png(path, pixels)
        self.image = int(self.evaluate(f'(car (gimp-file-load 1 "{path}" "{path}"))'))
        self.layer = int(self.evaluate(f"(car (gimp-image-get-active-layer {self.image}))"))
        self.evaluate(f"(gimp-image-clean-all {self.image})")
        self.window = int(self.evaluate(f"(car (gimp-display-new {self.image}))"))

    def evaluate(self, script):
        return self.display.evaluate(script)

    def base_type(self):
        return self.evaluate(f"(car (gimp-image-base-type {self.image}))")

    def pixels(self):
        path = self.folder / "saved.png"
        path.unlink(missing_ok=True)
        self.evaluate(
            f'(file-png-save2 1 {self.image} {self.layer} "{path}" "{path}" 0 6 0 0 0 0 0 0 1)'
        )
        return read_png(path)

    def is_dirty(self):
        return self.evaluate(f"(car (gimp-image-is-dirty {self.image}))") == "1"

    def open_dialog(self):
        self.display.press(self.title, SHORTCUT)
        self.display.window(DIALOG)

    def repeat(self):
        """Filters > Repeat Last."""
        arguments = f'{self.image} {self.layer} "" 0 0 0 0 0 -1 0'
        self.evaluate(f"(plug-in-colorize-photo RUN-WITH-LAST-VALS {arguments})")

    def wait_for_colors(self):
        wait_for(lambda: self.base_type() != GRAY)
        wait_for(lambda: not self.display.children())


@pytest.fixture
def opened(display, tmp_path, settings):
    """A gray photograph in a window, with nothing remembered."""
    image = Opened(display, tmp_path, photograph("L", (400, 300)))
    yield image
    for process in display.children():
        os.kill(process, signal.SIGKILL)
    image.evaluate(f"(gimp-display-delete {image.window})")


GRAY_PIXELS = photograph("L", (400, 300))


def test_ok_colors_and_one_undo_takes_it_back(opened, display):
    opened.open_dialog()
    display.press(DIALOG, "Return")
    opened.wait_for_colors()
    assert (opened.pixels() == expected(GRAY_PIXELS)).all()
    assert opened.is_dirty()
    display.press(opened.title, "ctrl+z")
    wait_for(lambda: opened.base_type() == GRAY)
    assert (opened.pixels() == GRAY_PIXELS).all()
    assert not opened.is_dirty()


def test_one_undo_of_an_rgb_layer(opened, display):
    opened.evaluate(f"(gimp-image-convert-rgb {opened.image})")
    opened.evaluate(f"(gimp-image-clean-all {opened.image})")
    opened.open_dialog()
    display.press(DIALOG, "Return")
    wait_for(lambda: not display.children())
    assert (opened.pixels() == expected(as_rgb(GRAY_PIXELS))).all()
    display.press(opened.title, "ctrl+z")
    wait_for(lambda: not opened.is_dirty())
    assert (opened.pixels() == as_rgb(GRAY_PIXELS)).all()


def colorfulness(pixels):
    """How far red, green and blue are apart in each pixel, on average."""
    return (pixels.max(axis=-1).astype(float) - pixels.min(axis=-1)).mean()


def test_the_dialog_shows_before_and_after(opened, display):
    opened.open_dialog()
    x, y, width, _ = display.frame(DIALOG)

    def halves():
        picture = display.screenshot()[y + 40 : y + 270, x : x + width]
        return picture[:, : width // 2], picture[:, width // 2 :]

    wait_for(lambda: colorfulness(halves()[1]) > 5)
    before, _ = halves()
    assert colorfulness(before) < 1
    assert before.std() > 20
    display.press(DIALOG, "Escape")
    wait_for(lambda: not display.children())


def test_cancel_in_the_dialog_does_nothing(opened, display, settings):
    opened.open_dialog()
    display.press(DIALOG, "Escape")
    wait_for(lambda: not display.children())
    assert (opened.pixels() == GRAY_PIXELS).all()
    assert not opened.is_dirty()
    assert not settings.exists()


def test_settings_are_remembered(opened, display, settings):
    """From a file of an earlier session into the dialog, and back by OK."""
    values = {
        "model": "",
        "hints": "",
        "style": "0",
        "temperature": "0.1",
        "saturation": "1.5",
        "edges": "1",
        "variant": "2",
        "network-size": "128",
    }
    lines = "".join(f"{key}={value}\n" for key, value in values.items())
    settings.write_text(f"[libcolorize-photo]\n{lines}")
    opened.open_dialog()
    settings.unlink()
    display.press(DIALOG, "Return")
    opened.wait_for_colors()
    options = {"upsampling": 1, "variant": 2, "network_size": 128}
    wanted = expected(GRAY_PIXELS, temperature=0.1, saturation=1.5, **options)
    assert (opened.pixels() == wanted).all()
    file = ConfigParser()
    file.read(settings)
    kept = dict(file["libcolorize-photo"])
    for key in ["temperature", "saturation"]:
        assert abs(float(kept[key]) - float(values[key])) < 1e-6
        kept[key] = values[key]
    assert kept == values


def test_a_style_is_kept_as_one(opened, display, settings):
    settings.write_text("[libcolorize-photo]\nstyle=2\n")
    opened.open_dialog()
    display.press(DIALOG, "Return")
    opened.wait_for_colors()
    assert (opened.pixels() == expected(GRAY_PIXELS, style=2)).all()
    file = ConfigParser()
    file.read(settings)
    assert file["libcolorize-photo"]["style"] == "2"
    assert float(file["libcolorize-photo"]["temperature"]) == 0


def test_a_layer_named_hints_is_chosen(opened, display, settings):
    """By the dialog, and remembered; colors near the stroke are the stroke's."""
    opened.evaluate(f"(gimp-image-convert-rgb {opened.image})")
    opened.evaluate(f"""
      (let ((hints (car (gimp-layer-new {opened.image} 400 300 RGBA-IMAGE "Hints" 100 28))))
        (gimp-image-insert-layer {opened.image} hints 0 0)
        (gimp-image-select-rectangle {opened.image} CHANNEL-OP-REPLACE 150 10 60 40)
        (gimp-context-set-foreground '(230 30 30))
        (gimp-drawable-edit-fill hints FILL-FOREGROUND)
        (gimp-selection-none {opened.image})
        (gimp-image-set-active-layer {opened.image} {opened.layer}))""")
    opened.open_dialog()
    display.press(DIALOG, "Return")
    wait_for(lambda: not display.children())
    actual = opened.pixels().astype(int)
    plain = expected(as_rgb(GRAY_PIXELS)).astype(int)
    area = np.s_[15:45, 155:205]
    redder = (actual - plain)[area]
    assert redder[..., 0].mean() > 20 and redder[..., 2].mean() < -20
    file = ConfigParser()
    file.read(settings)
    assert file["libcolorize-photo"]["hints"] == "Hints"


def test_repeating_takes_the_last_settings(opened, settings):
    settings.write_text("[libcolorize-photo]\ntemperature=0.2\n")
    opened.repeat()
    assert (opened.pixels() == expected(GRAY_PIXELS, temperature=0.2)).all()


def test_settings_that_make_no_sense_are_defaults(opened, settings):
    settings.write_bytes(
        b"[libcolorize-photo]\ntemperature=nan\nnetwork-size=1e99\nmodel=\xff\xfe\n\0nonsense"
    )
    opened.repeat()
    assert (opened.pixels() == expected(GRAY_PIXELS)).all()


def test_a_broken_model_is_a_message_in_the_dialog(opened, display, settings, tmp_path):
    """And OK cannot be pressed; Reset leads back to the built-in model."""
    (tmp_path / "broken.pth").write_bytes(b"nonsense")
    settings.write_text(f"[libcolorize-photo]\nmodel={tmp_path}/broken.pth\n")
    opened.open_dialog()
    time.sleep(1)
    display.press(DIALOG, "Return")
    time.sleep(1)
    assert display.children()
    display.press(DIALOG, "alt+r")
    time.sleep(1)
    display.press(DIALOG, "alt+o")
    opened.wait_for_colors()
    assert (opened.pixels() == expected(GRAY_PIXELS)).all()


@pytest.mark.parametrize("seconds", [0, 0.3, 0.8])
def test_cancel_leaves_everything_as_it_was(opened, display, settings, seconds):
    """At this size the network takes seconds, and GIMP shows its progress with a button."""
    settings.write_text("[libcolorize-photo]\nnetwork-size=2048\n")
    opened.open_dialog()
    display.press(DIALOG, "Return")
    x, y, width, height = display.frame(opened.title)
    status = lambda: display.screenshot()[y + height - 30 : y + height - 8, x + 200 : x + width]  # noqa: E731
    empty = status()
    wait_for(lambda: (status() != empty).any())
    time.sleep(seconds)
    display.click(x + width - 50, y + height - 18)
    wait_for(lambda: not display.children(), seconds=1)
    assert opened.base_type() == GRAY
    assert (opened.pixels() == GRAY_PIXELS).all()
    assert not opened.is_dirty()


def test_a_plug_in_that_dies_leaves_everything_as_it_was(opened, display, settings):
    """At any moment before the result is complete, also without a progress bar."""
    for delay in np.linspace(0, 1, 6):
        settings.write_text("[libcolorize-photo]\nnetwork-size=2048\n")
        opened.open_dialog()
        display.press(DIALOG, "Return")
        time.sleep(delay)
        for process in display.children():
            os.kill(process, signal.SIGKILL)
        wait_for(lambda: not display.children())
        assert opened.base_type() == GRAY
        assert (opened.pixels() == GRAY_PIXELS).all()
        assert not opened.is_dirty()


def test_the_selection_in_a_window(opened, display):
    opened.evaluate(f"(gimp-image-select-rectangle {opened.image} 2 0 0 200 300)")
    opened.open_dialog()
    display.press(DIALOG, "Return")
    opened.wait_for_colors()
    wanted = as_rgb(GRAY_PIXELS).copy()
    wanted[:, :200] = expected(GRAY_PIXELS)[:, :200]
    assert (opened.pixels() == wanted).all()
