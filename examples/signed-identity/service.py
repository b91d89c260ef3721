"""A service that answers whom the gate vouches for, and nobody else.

    apt-get install python3-jwt python3-cryptography
    JWKS_URL=http://127.0.0.1:9090/jwks AUDIENCE=orders PORT=3000 /usr/bin/python3 service.py

With HS256, IDENTITY_SECRET takes the place of JWKS_URL.
"""

import json
import os
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock

import jwt

AUDIENCE = os.environ.get("AUDIENCE", "orders")
SECRET = os.environ.get("IDENTITY_SECRET")


class PublishedKeys:
    """Fetched when they are a minute old, or a key is not among them; at most once a second."""

    def __init__(self, url):
        self.url = url
        self.keys = {}
        self.fetched = float("-inf")
        self.lock = Lock()

    def key_of(self, token):
        kid = jwt.get_unverified_header(token).get("kid")
        with self.lock:
            age = time.monotonic() - self.fetched
            if age > 60 or (kid not in self.keys and age > 1):
                with urllib.request.urlopen(self.url, timeout=2) as answer:
                    published = json.load(answer)["keys"]
                self.keys = {key["kid"]: jwt.PyJWK(key).key for key in published}
                self.fetched = time.monotonic()
            if kid not in self.keys:
                raise jwt.InvalidTokenError("signed with a key that is not published")
            return self.keys[kid]


published = PublishedKeys(os.environ["JWKS_URL"]) if SECRET is None else None


def caller_of(headers, method, target):
    """Who is calling; raises where the gate has not said so, for this service and this very request."""
    lines = headers.get_all("X-Plexgate-Identity", [])
    if len(lines) != 1:
        raise jwt.InvalidTokenError("not one assertion")
    claims = jwt.decode(
        lines[0],
        SECRET if published is None else published.key_of(lines[0]),
        # The service's choice, never the token's.
        algorithms=["HS256"] if published is None else ["EdDSA"],
        issuer="plexgate",
        audience=AUDIENCE,
        # Of the clocks of gate and service, in seconds.
        leeway=5,
        options={"require": ["exp", "iss", "aud", "sub", "method", "path"]},
    )
    if (claims["method"], claims["path"]) != (method, target.split("?")[0]):
        raise jwt.InvalidTokenError("of another request")
    return {"owner": claims["sub"], "key": claims["key_id"], "permission": claims["permission"]}


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        try:
            status, body = 200, caller_of(self.headers, self.command, self.path)
        except jwt.PyJWTError as refused:
            status, body = 401, {"error": str(refused)}
        except OSError:
            # Without the gate's keys nothing is known, which is not the caller's fault.
            status, body = 503, {"error": "no keys to verify with"}
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "3000"))), Service)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
