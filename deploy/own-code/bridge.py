"""Posts orders to b24-bridge and receives its callbacks. Python's standard library only.

BRIDGE_URL=http://127.0.0.1:8080 BRIDGE_KEY=... python3 bridge.py send order.json
CALLBACK_SECRET=whsec_... python3 bridge.py receive 8000
python3 bridge.py check
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import sys
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOLERANCE = 300


def send(event):
    """Sends until the bridge has it: 202 is "stored". The same event may be sent any number of times."""
    request = urllib.request.Request(
        os.environ["BRIDGE_URL"] + "/v1/events",
        data=json.dumps(event).encode(),
        headers={
            "Authorization": "Bearer " + os.environ["BRIDGE_KEY"],
            "Content-Type": "application/cloudevents+json",
        },
    )
    for pause in (1, 2, 4, None):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            # 4xx: the event is wrong, and sending it again does not help. The answer says where.
            if error.code < 500 or pause is None:
                raise SystemExit(error.read().decode())
        except OSError as error:
            if pause is None:
                raise SystemExit(f"the bridge cannot be reached: {error}")
        time.sleep(pause)


def sign(secret, message_id, timestamp, body):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(secret, headers, body, now):
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    if not message_id or not timestamp.isdecimal() or abs(now - int(timestamp)) > TOLERANCE:
        return False
    wanted = sign(secret, message_id, timestamp, body).encode()
    given = headers.get("webhook-signature", "").encode().split()
    return any([hmac.compare_digest(wanted, one) for one in given])


def sample():
    """The order in `order.json`; where this file was copied alone, one as small as it can be."""
    file = pathlib.Path(__file__).with_name("order.json")
    if file.exists():
        return json.loads(file.read_text(encoding="utf-8"))["data"]
    items = [{"name": "Kettle", "quantity": 1, "price": "1990.00"}]
    order = {"number": "1001", "status": "N", "currency": "RUB", "total": "1990.00"}
    return {**order, "updated_at": "2026-01-15T10:00:00+03:00", "items": items}


# In place of the shop's database: the snapshots of its orders.
orders = {"1001": sample()}
taken = set()
# Statuses that do not deny a payment.
PAID = ("P", "F")


def denied(order, data):
    """Whether the message denies what the order is by now: above all, money that was taken."""
    if "denies" in data:
        return any(order.get(fact) for fact in data["denies"])
    return bool(order.get("paid")) and data["status"] not in PAID


def receive(message_id, data):
    """From a message to status and answer. The bridge repeats a message until it is answered with 2xx."""
    if message_id in taken:
        return 200, {"result": "duplicate"}
    order = orders.get(data["number"])
    if order is None:
        return 404, {"error": "there is no such order"}
    if order["status"] not in (data["status"], data.get("previous_status")):
        # The shop went elsewhere meanwhile: the bridge decides afresh, knowing the whole order.
        return 409, {"snapshot": order}
    if order["status"] != data["status"] and denied(order, data):
        return 409, {"snapshot": order}
    order["status"] = data["status"]
    taken.add(message_id)
    return 200, {"result": "changed"}


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("content-length") or 0), 1 << 20))
        if not verify(os.environ["CALLBACK_SECRET"], self.headers, body, time.time()):
            status, answer = 401, {"error": "the signature is wrong, or the message is too old"}
        else:
            event = json.loads(body)
            status, answer = 200, {"result": "ignored"}
            if event.get("type") == "bridge.order.status.v1":
                status, answer = receive(self.headers["webhook-id"], event["data"])
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


def check():
    """The example of the Standard Webhooks specification."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = {"webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330"}
    headers["webhook-signature"] = "v1,AAAA v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    body = b'{"test": 2432232314}'
    assert verify(secret, headers, body, 1614265330)
    assert not verify(secret, headers, body, 1614265330 + TOLERANCE + 1)
    assert not verify(secret, headers, body + b" ", 1614265330)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["send", file]:
            with open(file, encoding="utf-8") as order:
                print(json.dumps(send(json.load(order))))
        case ["receive", port]:
            server = ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
            print(f"listening on {server.server_port}", flush=True)
            server.serve_forever()
        case ["check"]:
            check()
        case _:
            sys.exit(__doc__)
