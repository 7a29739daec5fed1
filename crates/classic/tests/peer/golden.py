"""Writes `tests/golden/`: every request and response, put together from the layout table of the specification."""

import os
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
VECTORS = os.path.join(HERE, "..", "vectors")
GOLDEN = os.path.join(HERE, "..", "golden")
ALICE, BOB = b"0501111111", b"050222\0\0\0\0"


def read(name):
    with open(os.path.join(VECTORS, name), "rb") as file:
        return file.read()


def request(code, payload=b""):
    return struct.pack(">10sBHI", ALICE, 1, code, len(payload)) + payload


def response(code, payload=b""):
    return struct.pack(">BHI", 1, code, len(payload)) + payload


keys, blob = read("alice.keys"), read("alice_to_bob.blob")
FRAMES = {
    "request_register": request(825),
    "request_otp": request(831, struct.pack(">I", 123456)),
    "request_send_public_keys": request(826, keys[:-1024]),
    "request_login": request(827),
    "request_recipient_keys": request(828, BOB),
    "request_sender_keys": request(832, BOB),
    "request_message": request(829, BOB + blob),
    "request_message_received": request(830, BOB),
    "response_registration": response(1600, struct.pack(">I", 0)),
    "response_registration_with_otp": response(1600, struct.pack(">I", 999999)),
    "response_registration_failed": response(1601),
    "response_keys_set": response(1602),
    "response_recipient_keys": response(1603, keys),
    "response_otp_ok": response(1604),
    "response_login": response(1605),
    "response_login_failed": response(1606),
    "response_error": response(1607),
    "response_message": response(1608, BOB + blob),
    "response_message_sent": response(1609),
    "response_sender_keys": response(1610, BOB + keys),
    "response_listening": response(1611),
}

for name, frame in FRAMES.items():
    lines = [frame[at:at + 50].hex() for at in range(0, len(frame), 50)]
    with open(os.path.join(GOLDEN, name + ".hex"), "w") as file:
        file.write("\n".join(lines) + "\n")
