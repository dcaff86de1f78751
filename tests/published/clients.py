"""What the tests of Python clients share: where the server is, and a person who answers sign-in pages.

The node test that starts these files serves both (python.test.js) and names them in the environment.
"""

import json
import os
import time
import urllib.error
import urllib.request

BASE = os.environ["TIELINE_URL"]
CONTROL = os.environ["TIELINE_CONTROL"]
PERSON = os.environ["TIELINE_PERSON"]
KEYS = json.loads(os.environ["TIELINE_KEYS"])
PATIENCE = 30.0


def ask(method, url, body=None, headers=()):
    """One request beside the client: status and what the JSON says."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json", **dict(headers)}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as reply:
            return reply.status, json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or b"null")


def sign_in(url, **how):
    """The person opens the address and allows; answers the page on which they end."""
    _, end = ask("POST", PERSON, {"url": url, **how})
    return end


def register(provider, *addresses):
    """Lets the practice provider send people back to these addresses."""
    status, _ = ask("PUT", f"{CONTROL}redirects/{provider}", addresses)
    assert status == 200, status


def until(what, look):
    """Asks until the answer is not falsy."""
    last = time.monotonic() + PATIENCE
    while time.monotonic() < last:
        answer = look()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"waited in vain for {what}")
