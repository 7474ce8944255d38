"""Small ICC profiles of displays, version 2.1, as the specification has them."""

import struct

WHITE = (0.9642, 1.0, 0.8249)  # D50, of the connection space
# Columns of Adobe RGB (1998), adapted to D50.
WIDE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))


def _fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(65536 * number) for number in numbers))


def _xyz(color):
    return b"XYZ " + bytes(4) + _fixed(*color)


def _profile(space, tags):
    name = b"test\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(name)) + name + bytes(78)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", **tags}
    offset = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for key, content in tags.items():
        table += key + struct.pack(">II", offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    head = struct.pack(">I4sI", 128 + len(table) + len(data), b"test", 0x02100000)
    head += b"mntr" + space + b"XYZ " + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp"
    head += bytes(28) + _fixed(*WHITE)
    return head + bytes(128 - len(head)) + table + data


def _curve(gamma):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(256 * gamma))


def gray_profile(gamma):
    return _profile(b"GRAY", {b"wtpt": _xyz(WHITE), b"kTRC": _curve(gamma)})


def rgb_profile(gamma, columns):
    tags = {b"wtpt": _xyz(WHITE)}
    for letter, column in zip("rgb", columns, strict=True):
        tags[f"{letter}XYZ".encode()] = _xyz(column)
        tags[f"{letter}TRC".encode()] = _curve(gamma)
    return _profile(b"RGB ", tags)
