"""A plain single-threaded `selectors` loop that does for each message of wire version 1 what the original does.

It looks up the recipient in SQLite; passes the message on where the recipient is online, else inserts and commits. One packet is
one frame. Registration is as short as it can be. Keys are signed for each request, where the package `cryptography` is there. It prints
its port first; the folder is the only argument.
"""

import os
import selectors
import socket
import sqlite3
import struct
import sys
import time

try:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
    PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.MAX_LENGTH)
    signing_key = rsa.generate_private_key(public_exponent=65537, key_size=4096)
except ImportError:
    signing_key = None

listener = socket.create_server(("127.0.0.1", 0), backlog=512)
database = sqlite3.connect(os.path.join(sys.argv[1], "E2EE_clients.db"))
database.execute("CREATE TABLE CLIENT_TABLE(Phone TEXT PRIMARY KEY, DHKey BLOB, RSAKey BLOB, Verified BOOLEAN, "
                 "LastSeen TIMESTAMP, OTP INTEGER)")
database.execute("CREATE TABLE MESSAGE_TABLE(Receiver TEXT, Sender TEXT, Message TEXT, Time TIMESTAMP, "
                 "PRIMARY KEY (Receiver, Sender, Time))")
selector, online = selectors.DefaultSelector(), {}


def answer(connection, code, payload=b""):
    try:
        connection.sendall(struct.pack(">BHI", 1, code, len(payload)) + payload)
    except ConnectionError:
        pass  # whoever has gone is found at the next read


def receive(connection):
    try:
        return connection.recv(2048)
    except ConnectionError:
        return b""


def next_stored(who, sender):
    row = database.execute("SELECT Message, Time FROM MESSAGE_TABLE WHERE Receiver = ? AND Sender = ? "
                           "ORDER BY Time LIMIT 1", (who, sender)).fetchone()
    if row is not None:
        database.execute("DELETE FROM MESSAGE_TABLE WHERE Receiver = ? AND Sender = ? AND Time = ?",
                         (who, sender, row[1]))
        database.commit()
    return row


def handle(connection, who, code, payload):
    if code == 825:
        database.execute("INSERT INTO CLIENT_TABLE VALUES (?, NULL, NULL, 0, ?, 123456)", (who, time.time()))
        database.commit()
        answer(connection, 1600, struct.pack(">I", 123456))
    elif code == 831:
        database.execute("UPDATE CLIENT_TABLE SET Verified = 1 WHERE Phone = ?", (who,))
        database.commit()
        answer(connection, 1604)
    elif code == 826:
        database.execute("UPDATE CLIENT_TABLE SET DHKey = ?, RSAKey = ? WHERE Phone = ?",
                         (payload[:32], payload[32:], who))
        database.commit()
        online[who] = connection
        answer(connection, 1602)
    elif code == 827:
        online[who] = connection
        answer(connection, 1605)
    elif code == 828:
        dh, pem = database.execute("SELECT DHKey, RSAKey FROM CLIENT_TABLE WHERE Phone = ?", (payload,)).fetchone()
        signatures = [signing_key.sign(bytes, PSS, hashes.SHA256()) for bytes in (dh, pem)]
        answer(connection, 1603, dh + pem + b"".join(signatures))
    elif code == 829:
        to = payload[:10]
        if database.execute("SELECT Phone FROM CLIENT_TABLE WHERE Phone = ?", (to,)).fetchone() is None:
            answer(connection, 1607)
            return
        if to in online:
            answer(online[to], 1608, who + payload[10:])
        else:
            database.execute("INSERT INTO MESSAGE_TABLE VALUES (?, ?, ?, ?)", (to, who, payload[10:], time.time()))
            database.commit()
        answer(connection, 1609)
    elif code == 830:
        row = next_stored(who, payload)
        answer(connection, 1611) if row is None else answer(connection, 1608, payload + row[0])


def serve():
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ)
    print(listener.getsockname()[1], flush=True)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listener:
                connection, _ = listener.accept()
                connection.setblocking(True)
                selector.register(connection, selectors.EVENT_READ)
                continue
            packet = receive(key.fileobj)
            if not packet:
                selector.unregister(key.fileobj)
                for who in [who for who, other in online.items() if other is key.fileobj]:
                    del online[who]
                key.fileobj.close()
                continue
            who, _, code, size = struct.unpack(">10sBHI", packet[:17])
            handle(key.fileobj, who, code, packet[17:17 + size])


serve()
