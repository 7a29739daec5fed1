#!/usr/bin/env python3
"""Says back what people say to it.

    hush --profile echo daemon &
    python3 echo-bot.py ~/.local/share/hush/profiles/echo/rpc.sock

Nothing is lost and nothing is said twice, wherever this program is killed: an event that it did not acknowledge comes again with the next
subscription, and the key of an answer, made from the event's number, sends it once. It ends when the daemon does; let systemd or a loop
start it again.
"""

import json
import socket
import sys

CURSOR = "echo-bot"


class Hush:
    """A connection to a daemon: one JSON text a line, both ways."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.lines = self.socket.makefile("r", encoding="utf-8")
        self.last = 0
        self.events = []

    def call(self, method, **params):
        """Calls a method and waits for what it answers; events that come meanwhile are kept."""
        self.last += 1
        request = {"jsonrpc": "2.0", "id": self.last, "method": method, "params": params}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self.read()
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(answer["error"]["message"])
                return answer["result"]
            self.keep(answer)

    def event(self):
        """The next event, waiting for it."""
        while not self.events:
            self.keep(self.read())
        return self.events.pop(0)

    def keep(self, notification):
        if notification.get("method") == "event":
            self.events.append(notification["params"]["event"])

    def read(self):
        line = self.lines.readline()
        if not line:
            raise EOFError("the daemon has ended")
        return json.loads(line)


def main(path):
    hush = Hush(path)
    hush.call("subscribe", cursor=CURSOR)
    print("listening", flush=True)
    while True:
        event = hush.event()
        if event["type"] == "message" and not event["own"]:
            sent = hush.call(
                "send",
                conversations=[event["conversation"]],
                text=f"You said: {event['text']}",
                key=f"{CURSOR}/{event['seq']}",
                until="stored",
            )
            for fate in sent["fates"]:
                if fate["state"] == "failed":
                    print(f"not answered: {fate['reason']}", file=sys.stderr)
        hush.call("ack", cursor=CURSOR, seq=event["seq"])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        main(sys.argv[1])
    except (EOFError, ConnectionError) as error:
        sys.exit(f"echo-bot: {error}")
    except KeyboardInterrupt:
        pass
