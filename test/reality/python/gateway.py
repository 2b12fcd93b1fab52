"""Where the gateway and the fake model server behind it are, and how the fake is told to misbehave."""

import json
import os
import unittest
import urllib.request

BASE_URL = os.environ["OPENAI_BASE_URL"]
POOR_BASE_URL = os.environ["POOR_BASE_URL"]
SENTENCE = "Grüße aus Köln 🌍"
MESSAGES = [{"role": "user", "content": "Where are you?"}]
ASK = {"model": "openai/fake-small", "messages": MESSAGES}
TOOLS = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
    for name in ("weather", "time")
]


def fake(method, path, body=None):
    request = urllib.request.Request(
        os.environ["FAKE_URL"] + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


class GatewayCase(unittest.TestCase):
    """Begins with a model server that nobody has called."""

    def setUp(self):
        fake("DELETE", "/calls")


def calls():
    """Calls of the model server since the last reset, in order."""
    return fake("GET", "/calls?detail=1")["calls"]


def asked():
    """The body of its last call."""
    return json.loads(calls()[-1]["body"])
