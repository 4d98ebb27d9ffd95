#!/usr/bin/env python3
"""Receives what a notifier of kind "webhook" sends, and prints each alert once: webhook_receiver.py PORT

LINESIDE_SECRET is the notifier's `secret`. A request whose signature is not right, or that is older than five minutes, is answered with 401 and not
looked at; one that came before is answered with 200 and not printed again.
"""

import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SECRET = os.environ.get("LINESIDE_SECRET", "").encode()
OLDEST_S = 300
LARGEST = 1_000_000
seen = {}  # delivery: when it came


def is_signed(headers, body):
    """Whether lineside sent this, not long ago: HMAC-SHA256 of timestamp, a dot and the body."""
    timestamp = headers.get("X-Lineside-Timestamp", "")
    if not timestamp.isdecimal() or abs(time.time() - int(timestamp)) > OLDEST_S:
        return False
    wanted = "sha256=" + hmac.new(SECRET, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), headers.get("X-Lineside-Signature", "").encode())


def is_new(delivery):
    """Whether this delivery is no second try of one that came. A test, alert-0, is always new."""
    now = time.time()
    for other in [other for other, at in seen.items() if now - at > 86_400]:
        del seen[other]
    if delivery in seen and delivery != "alert-0":
        return False
    seen[delivery] = now
    return True


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 < length <= LARGEST:
            return self.answer(413)
        body = self.rfile.read(length)
        if not is_signed(self.headers, body):
            return self.answer(401)
        if is_new(self.headers.get("X-Lineside-Delivery", "")):
            alert = json.loads(body)
            # A fault in the coverage of a day comes by the same way, and is of no call.
            about = f"{alert.get('level', '')} {alert.get('call_id', alert.get('day', ''))}".strip()
            print(f"{about}: {alert.get('message', '')}  {alert.get('url') or ''}".rstrip(), flush=True)
        self.answer(200)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 2 or not SECRET:
        sys.exit(__doc__)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
