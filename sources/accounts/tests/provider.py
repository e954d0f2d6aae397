"""A small OpenID Connect provider on loopback, which can also be made to lie."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "crds-test", "a secret of the client"


class Provider:
    """Use as a context manager; ``claims`` and ``signing_key`` are what it says next."""

    def __init__(self):
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        self.reset()

    def __enter__(self) -> Provider:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()

    def reset(self) -> None:
        self.signing_key = self.key
        #: Instead of what is right, of the id token and of the userinfo.
        self.claims: dict = {}
        self.userinfo: dict = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict] = {}
        self.broken = False

    def approve(self, address: str) -> dict:
        """The person says yes to what ``address`` asks: the parameters of the way back."""
        wish = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert wish["client_id"] == CLIENT and "openid" in wish["scope"].split()
        assert wish["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = wish
        return {"code": code, "state": wish["state"]}

    def answer(self, path: str, fields: dict, headers) -> tuple[int, dict]:
        self.asked.append(path)
        if self.broken:
            return 500, {}
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer, "jwks_uri": f"{self.issuer}/jwks",
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "id_token_signing_alg_values_supported": ["RS256"]}
        if path == "/jwks":
            return 200, {"keys": [self.key.as_dict(private=False)]}
        if path == "/userinfo":
            return 200, {"sub": "17", **self.userinfo}
        if path == "/token":
            return self._token(fields, headers)
        return 404, {}

    def _token(self, fields: dict, headers) -> tuple[int, dict]:
        wish = self.codes.pop(fields.get("code", ""), None)
        expected = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        verifier = hashlib.sha256(fields.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(verifier).decode().rstrip("=")
        if (wish is None or headers.get("Authorization") != f"Basic {expected}"
                or wish["code_challenge"] != challenge
                or wish["redirect_uri"] != fields.get("redirect_uri")):
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "sub": "17", "iat": now, "exp": now + 60,
                  "nonce": wish["nonce"], "email": "Anne@example.invalid",
                  "email_verified": True, **self.claims}
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, {
            "access_token": "x", "token_type": "Bearer", "expires_in": 3600,
            "id_token": jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.signing_key)}


def _handler(provider: Provider):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self._reply({})

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            self._reply({name: values[0] for name, values in parse_qs(body).items()})

        def _reply(self, fields):
            status, answer = provider.answer(urlsplit(self.path).path, fields, self.headers)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    return Handler
