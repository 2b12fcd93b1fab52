"""The official `openai` package for Python against a really served Lattice."""

import json
import time

import httpx
import openai
from pydantic import BaseModel

from gateway import ASK, MESSAGES, POOR_BASE_URL, SENTENCE, TOOLS, GatewayCase, asked, calls, fake


class Weather(BaseModel):
    city: str
    degrees: int


class OpenAiPackage(GatewayCase):
    def setUp(self):
        super().setUp()
        self.requests = 0
        self.client = self.client_of()

    def client_of(self, **more):
        """As `OpenAI()` is with its environment set, its own two retries included."""

        def count(_):
            self.requests += 1

        return openai.OpenAI(http_client=httpx.Client(event_hooks={"request": [count]}, timeout=30), **more)

    def chat(self, **more):
        return self.client.chat.completions.create(**{**ASK, **more})

    def test_chat(self):
        answer = self.chat()
        self.assertEqual(answer.choices[0].message.content, SENTENCE)
        self.assertRegex(answer._request_id, "^[0-9a-f-]{36}$")

    def test_stream(self):
        for more, expected in (({"stream_options": {"include_usage": True}}, 14), ({}, None)):
            text, usage = "", None
            for chunk in self.chat(stream=True, **more):
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
                usage = chunk.usage or usage
            self.assertEqual(text, SENTENCE)
            self.assertEqual(usage and usage.total_tokens, expected)

    def test_tools_and_their_results(self):
        message = self.chat(tools=TOOLS, tool_choice="auto", parallel_tool_calls=True).choices[0].message
        self.assertEqual([call.function.name for call in message.tool_calls], ["weather", "time"])
        self.assertEqual(json.loads(message.tool_calls[0].function.arguments), {"city": "Köln", "say": '"{}" 🌍'})
        results = [{"role": "tool", "tool_call_id": call.id, "content": "{}"} for call in message.tool_calls]
        second = self.chat(tools=TOOLS, messages=[*MESSAGES, message, *results])
        self.assertEqual(second.choices[0].message.content, SENTENCE)
        self.assertEqual(asked()["messages"][2:], results)

    def test_streamed_arguments(self):
        with self.client.chat.completions.stream(**ASK, tools=TOOLS) as stream:
            final = stream.get_final_completion()
        zone = final.choices[0].message.tool_calls[1].function.arguments
        self.assertEqual(json.loads(zone), {"zone": "Europe/Berlin"})

    def test_parsed_by_a_schema(self):
        answer = self.client.chat.completions.parse(**ASK, response_format=Weather)
        self.assertEqual(answer.choices[0].message.parsed, Weather(city="Köln", degrees=21))
        self.assertEqual(asked()["response_format"]["type"], "json_schema")

    def test_other_fields_pass(self):
        image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
        body = {
            "model": "openai/fake-large",
            "messages": [{"role": "user", "content": [{"type": "text", "text": "What?"}, image]}],
            "n": 2,
            "logprobs": True,
            "stop": ["END"],
            "seed": 7,
            "reasoning_effort": "low",
        }
        answer = self.client.chat.completions.create(**body, extra_body={"made_up": [None, 1.5]})
        self.assertEqual([choice.index for choice in answer.choices], [0, 1])
        self.assertEqual("".join(one.token for one in answer.choices[1].logprobs.content), SENTENCE)
        self.assertEqual(asked(), {**body, "model": "fake-large", "made_up": [None, 1.5]})

    def test_embeddings_packed_and_plain(self):
        packed = self.client.embeddings.create(model="openai/fake-embed", input=["ein Text", "another"])
        self.assertEqual(asked()["encoding_format"], "base64")
        plain = self.client.embeddings.create(
            model="openai/fake-embed", input=["ein Text", "another"], encoding_format="float"
        )
        self.assertEqual([one.embedding for one in packed.data], [one.embedding for one in plain.data])

    def test_models(self):
        self.assertIn("lattice/extract", [model.id for model in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve("lattice/extract").id, "lattice/extract")
        with self.assertRaises(openai.NotFoundError):
            self.client.models.retrieve("none")

    def test_a_wrong_token(self):
        with self.assertRaises(openai.AuthenticationError):
            self.client_of(api_key="wrong").chat.completions.create(**ASK)
        self.assertEqual((self.requests, len(calls())), (1, 0))

    def test_an_unknown_model(self):
        with self.assertRaises(openai.NotFoundError) as raised:
            self.chat(model="groq/any")
        self.assertIn("GROQ_API_KEY", str(raised.exception))

    def test_errors_are_typed_and_not_retried(self):
        outcomes = {429: (openai.RateLimitError, 429), 400: (openai.BadRequestError, 400), 503: (openai.APIStatusError, 502)}
        for status, (kind, seen) in outcomes.items():
            for stream in (False, True):
                with self.subTest(status=status, stream=stream):
                    self.chat()  # so that the provider is not left alone after its failures
                    fake("DELETE", "/calls")
                    self.requests = 0
                    fake("POST", "/script", {"script": [{"fault": "status", "status": status, "headers": {"retry-after": "7"}}]})
                    with self.assertRaises(kind) as raised:
                        self.chat(stream=stream)
                    self.assertEqual(raised.exception.status_code, seen)
                    self.assertRegex(raised.exception.request_id, "^[0-9a-f-]{36}$")
                    self.assertEqual((self.requests, len(calls())), (1, 1))

    def test_a_spent_budget(self):
        with self.assertRaises(openai.APIStatusError) as raised:
            self.client_of(base_url=POOR_BASE_URL).chat.completions.create(**{**ASK, "model": "openai/gpt-4o"})
        self.assertEqual(raised.exception.status_code, 402)
        self.assertEqual((self.requests, len(calls())), (1, 0))

    def test_a_stream_that_breaks(self):
        fake("POST", "/script", {"script": ["error-chunk"]})
        text = ""
        with self.assertRaises(openai.APIError):
            for chunk in self.chat(stream=True):
                text += chunk.choices[0].delta.content or ""
        self.assertTrue(text != "" and SENTENCE.startswith(text))

    def test_an_abort_in_the_middle(self):
        fake("POST", "/script", {"script": ["endless-stream"]})
        stream = self.chat(stream=True)
        next(iter(stream))
        stream.close()
        until = time.monotonic() + 15
        while not calls()[0]["hungUp"]:
            self.assertLess(time.monotonic(), until, "the model server is still writing")
            time.sleep(0.02)
