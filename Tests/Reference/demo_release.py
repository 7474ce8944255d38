"""A script for the released package, step by step the demo that comes with its repository.

    python demo_release.py -i photo.jpg -o saved

What is tested is that it runs as it is, and with `libcolorize.colorizers` in its import line.
"""

# ruff: noqa: F403, F405
import argparse

import matplotlib.pyplot as plt
from colorizers import *

parser = argparse.ArgumentParser()
parser.add_argument("-i", "--img_path", type=str, default="imgs/ansel_adams3.jpg")
parser.add_argument("--use_gpu", action="store_true", help="whether to use GPU")
parser.add_argument(
    "-o", "--save_prefix", type=str, default="saved",
    help="will save into this file with {eccv16.png, siggraph17.png} suffixes",
)  # fmt: skip
opt = parser.parse_args()

# the two colorizers
colorizer_eccv16 = eccv16(pretrained=True).eval()
colorizer_siggraph17 = siggraph17(pretrained=True).eval()
if opt.use_gpu:
    colorizer_eccv16.cuda()
    colorizer_siggraph17.cuda()

# L of the picture as it is, and at the size of the networks
img = load_img(opt.img_path)
(tens_l_orig, tens_l_rs) = preprocess_img(img, HW=(256, 256))
if opt.use_gpu:
    tens_l_rs = tens_l_rs.cuda()

# ab at that size, stretched to the picture's and joined with its L
img_bw = postprocess_tens(tens_l_orig, torch.cat((0 * tens_l_orig, 0 * tens_l_orig), dim=1))
out_img_eccv16 = postprocess_tens(tens_l_orig, colorizer_eccv16(tens_l_rs).cpu())
out_img_siggraph17 = postprocess_tens(tens_l_orig, colorizer_siggraph17(tens_l_rs).cpu())

plt.imsave(f"{opt.save_prefix}_eccv16.png", out_img_eccv16)
plt.imsave(f"{opt.save_prefix}_siggraph17.png", out_img_siggraph17)

plt.figure(figsize=(12, 8))
titles = ("Original", "Input", "Output (ECCV 16)", "Output (SIGGRAPH 17)")
for number, picture in enumerate((img, img_bw, out_img_eccv16, out_img_siggraph17), 1):
    plt.subplot(2, 2, number)
    plt.imshow(picture)
    plt.title(titles[number - 1])
    plt.axis("off")
plt.show()
