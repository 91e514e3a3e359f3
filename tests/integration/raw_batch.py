"""A compressed batch of records made by hand and sent to a broker as it is: what no producer would make.

    send(brokers, topic, partition, [(key, size of the value)])     gzip; the value is so many x
"""
import socket
import struct
import time
import zlib

from harness import check_equal

PRODUCE, VERSION = 0, 3
GZIP = 1
CHUNK = b"x" * (1 << 20)


def send(brokers, topic, partition, records):
    """Returns the size of the batch on the wire."""
    batch = record_batch(records)
    body = (struct.pack(">hhih", PRODUCE, VERSION, 1, -1) + struct.pack(">hhi", -1, -1, 60000) +
            struct.pack(">i", 1) + string(topic) + struct.pack(">ii", 1, partition) +
            struct.pack(">i", len(batch)) + batch)
    host, port = brokers.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(struct.pack(">i", len(body)) + body)
        size, = struct.unpack(">i", take(connection, 4))
        answer = take(connection, size)
    at = 4 + 4 + 2 + len(topic) + 4 + 4  # correlation, topics, its name, partitions, index
    check_equal(struct.unpack_from(">h", answer, at)[0], 0, "the broker's error code")
    return len(batch)


def take(connection, size):
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("the broker has hung up")
        data += part
    return data


def string(text):
    return struct.pack(">h", len(text)) + text.encode()


def record_batch(records):
    now = int(time.time() * 1000)
    packer = zlib.compressobj(6, wbits=31)
    packed = b"".join(part for number, (key, head, size, tail) in enumerate(records)
                      for part in record(packer, number, key, head, size, tail)) + packer.flush()
    last = len(records) - 1
    counted = struct.pack(">hiqqqhii", GZIP, last, now, now, -1, -1, -1, len(records)) + packed
    return (struct.pack(">qiibI", 0, 4 + 1 + 4 + len(counted), -1, 2, crc32c(counted)) + counted)


def record(packer, number, key, head, size, tail):
    """Its value is head, so many x, tail; packed piece by piece."""
    key, head, tail = key.encode(), head.encode(), tail.encode()
    front = b"\0" + varint(0) + varint(number) + varint(len(key)) + key
    front += varint(len(head) + size + len(tail)) + head
    back = tail + varint(0)  # no headers
    yield packer.compress(varint(len(front) + size + len(back)) + front)
    for _ in range(size // len(CHUNK)):
        yield packer.compress(CHUNK)
    yield packer.compress(CHUNK[:size % len(CHUNK)] + back)


def varint(number):
    number = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def crc32c_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


TABLE = list(crc32c_table())


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF
