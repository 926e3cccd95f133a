"""Damaged copies of sound Parquet files: each is one draw of a seeded generator."""

import base64
import copy

import pyarrow as pa

from tests.fuzz import thrift
from tests.fuzz.sound import chunks, place, with_checksum, without_checksum

_NUMBERS = [0, 1, 2, 3, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 32767, 65536, 10**6, 10**12]
_NUMBERS += [2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**62, 2**63 - 1]
_NUMBERS += [-number for number in _NUMBERS[1:]]
_BYTES = [0, 1, 2, 3, 7, 8, 9, 15, 16, 31, 32, 33, 64, 127, 128, 129, 254, 255]


def damaged_page(file, dice):
    """The file with something wrong in a page; returns what, and the bytes."""
    page = dice.choice(file.pages)
    how = dice.choice(
        [
            _flipped,
            _overwritten,
            _structured,
            _structured,
            _inside,
            _inside,
            _inside,
            _spliced,
            _cut,
        ]
    )
    return f"{how.__name__} in a page", how(file, page, dice)


def damaged_footer(file, dice):
    """The file with something wrong in its footer, or at its end; returns what, and the bytes."""
    start, stop = file.footer_start, len(file.raw) - 8
    how = dice.choice(
        ["bits", "bytes", "fields", "fields", "fields", "arrow", "cut", "length", "short"]
    )
    raw = bytearray(file.raw)
    if how == "bits":
        for _ in range(dice.randint(1, 3)):
            raw[dice.randrange(start, stop)] ^= 1 << dice.randrange(8)
    elif how == "bytes":
        for _ in range(dice.randint(1, 3)):
            raw[dice.randrange(start, stop)] = dice.choice(_BYTES)
    elif how == "fields":
        footer = copy.deepcopy(file.footer)
        for _ in range(dice.randint(1, 2)):
            _change(footer, dice)
        return "footer: fields", with_footer(file.raw[:start], footer)
    elif how == "arrow":
        footer = copy.deepcopy(file.footer)
        _change_arrow_schema(footer, dice)
        return "footer: arrow", with_footer(file.raw[:start], footer)
    elif how == "cut":
        at = dice.randrange(start, stop)
        new = dice.choice([b"", dice.randbytes(dice.randint(1, 9))])
        raw[at : at + dice.randint(0, 9)] = new
        raw[-8:-4] = (len(raw) - 8 - start).to_bytes(4, "little")
    elif how == "length":
        raw[-8:-4] = dice.choice([dice.randbytes(4), (stop - start + 1).to_bytes(4, "little")])
    else:
        del raw[dice.randrange(len(raw)) :]
    return f"footer: {how}", bytes(raw)


def with_footer(pages, footer):
    """A file of some pages and a footer."""
    raw = thrift.dump(footer)
    return pages + raw + len(raw).to_bytes(4, "little") + b"PAR1"


def replaced(file, page, new):
    """The file with other bytes in place of a page, and a footer that matches."""
    footer = copy.deepcopy(file.footer)
    delta = len(new) - (page.stop - page.start)
    for chunk in chunks(footer):
        start, stop = place(chunk)
        if start <= page.start < stop:
            thrift.find(chunk, 7).content += delta
        for number in (9, 10, 11):
            offset = thrift.find(chunk, number)
            if offset is not None and offset.content > page.start:
                offset.content += delta
    body = file.raw[: page.start] + new + file.raw[page.stop : file.footer_start]
    return with_footer(body, footer)


def _flipped(file, page, dice):
    raw = bytearray(file.raw)
    for _ in range(dice.randint(1, 3)):
        raw[dice.randrange(page.start, page.stop)] ^= 1 << dice.randrange(8)
    return bytes(raw)


def _overwritten(file, page, dice):
    raw = bytearray(file.raw)
    at = dice.randrange(page.start, page.stop)
    end = min(at + dice.randint(1, 8), page.stop)
    raw[at:end] = bytes(dice.choice(_BYTES) for _ in range(end - at))
    return bytes(raw)


def _structured(file, page, dice):
    """Other fields in the header."""
    header = copy.deepcopy(page.header)
    if dice.random() < 0.5:
        header = without_checksum(header)
    _change(header, dice)
    return replaced(file, page, thrift.dump(header) + file.raw[page.content_start : page.stop])


def _inside(file, page, dice):
    """Other bytes in the page, compressed as before, and a header that agrees with them."""
    stored = file.raw[page.content_start : page.stop]
    size = thrift.find(page.header, 2).content
    levels = thrift.find(page.header, 8, 5)
    plain = levels.content if levels else 0
    content = bytearray(stored[:plain])
    packed = stored[plain:]
    is_compressed = thrift.find(page.header, 8, 7)
    is_plain = is_compressed is not None and is_compressed.kind == thrift.FALSE
    codec = pa.Codec(page.codec) if page.codec and packed and not is_plain else None
    content += codec.decompress(packed, size - plain, asbytes=True) if codec else packed
    for _ in range(dice.randint(1, 2)):
        _spoil(content, dice)
    header, rest = copy.deepcopy(page.header), bytes(content[plain:])
    stored = bytes(content[:plain]) + (codec.compress(rest, asbytes=True) if codec else rest)
    shift = dice.choice([0, 0, 0, 0, 1, -1])
    thrift.find(header, 2).content = len(content) + shift
    thrift.find(header, 3).content = len(stored)
    header = with_checksum(header, stored) if dice.random() < 0.5 else without_checksum(header)
    return replaced(file, page, thrift.dump(header) + stored)


def _spliced(file, page, dice):
    """Another page instead of it, before it, or none."""
    other = dice.choice(file.pages)
    own, foreign = (file.raw[one.start : one.stop] for one in (page, other))
    return replaced(
        file, page, dice.choice([foreign, foreign + own, own + foreign, own + own, b""])
    )


def _cut(file, page, dice):
    """Bytes missing, or too many."""
    own = bytearray(file.raw[page.start : page.stop])
    at = dice.randrange(len(own))
    own[at : at + dice.randint(0, 9)] = dice.choice([b"", dice.randbytes(dice.randint(1, 9))])
    return replaced(file, page, bytes(own))


def _spoil(content, dice):
    """Change some bytes, mostly at the start: there are lengths, widths and headers of runs."""
    if not content:
        content += dice.randbytes(3)
        return
    at = dice.randrange(min(len(content), dice.choice([1, 2, 8, 12, len(content)])))
    how = dice.randrange(6)
    if how == 0:
        content[at] ^= 1 << dice.randrange(8)
    elif how == 1:
        content[at] = dice.choice(_BYTES)
    elif how == 2:
        content[at : at + 4] = (dice.choice(_NUMBERS) & 0xFFFFFFFF).to_bytes(4, "little")
    elif how == 3:
        del content[at : at + dice.randint(1, 5)]
    elif how == 4:
        content[at:at] = dice.randbytes(dice.randint(1, 4))
    else:
        del content[at:]


def _change_arrow_schema(footer, dice):
    """Change the Arrow schema that pyarrow stores, if the file has one."""
    pairs = thrift.find(footer, 5)
    for pair in pairs.content if pairs else []:
        stored = thrift.find(pair, 2)
        content = bytearray(base64.b64decode(stored.content))
        for _ in range(dice.randint(1, 4)):
            content[dice.randrange(len(content))] = dice.choice(_BYTES)
        stored.content = base64.b64encode(content)


def _change(struct, dice):
    """Change a value anywhere in a struct."""
    node = dice.choice(list(thrift.nodes(struct)))
    if node.kind in thrift.INTEGERS:
        near = node.content + dice.choice([-8, -1, 1, 8])
        node.content = dice.choice([near, near, dice.choice(_NUMBERS), -node.content])
    elif node.kind == thrift.BINARY:
        content = bytearray(node.content)
        _spoil(content, dice)
        node.content = bytes(content)
    elif node.kind in (thrift.TRUE, thrift.FALSE):
        node.kind = thrift.TRUE + thrift.FALSE - node.kind
    elif node.content:
        at = dice.randrange(len(node.content))
        other = dice.randrange(len(node.content))
        how = dice.randrange(5)
        if how == 0:
            del node.content[at]
        elif how == 1:
            node.content.insert(at, copy.deepcopy(node.content[other]))
        elif how == 2:
            node.content[at], node.content[other] = node.content[other], node.content[at]
        elif node.kind == thrift.STRUCT:
            number, value = node.content[at]
            if how == 3:
                number = dice.choice([number + 1, number + 100, max(number - 1, 0)])
            else:
                value = thrift.Value(thrift.BINARY, dice.randbytes(dice.randint(0, 5)))
            node.content[at] = (number, value)
