"""LangChain for Python (`ChatOpenAI`, `OpenAIEmbeddings`) against a really served Lattice."""

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

from gateway import SENTENCE, GatewayCase, asked


@tool
def weather(city: str, say: str) -> str:
    """The weather of a city."""
    return f"21 degrees in {city}"


class Weather(BaseModel):
    """The weather."""

    city: str
    degrees: int


class LangChain(GatewayCase):
    def setUp(self):
        super().setUp()
        self.model = ChatOpenAI(model="openai/fake-small")

    def test_invoke(self):
        answer = self.model.invoke("Where are you?")
        self.assertEqual(answer.content, SENTENCE)
        self.assertEqual(answer.usage_metadata["input_tokens"], 10)

    def test_stream(self):
        self.assertEqual("".join(str(chunk.content) for chunk in self.model.stream("Where are you?")), SENTENCE)

    def test_tools_streamed_and_their_results(self):
        bound = self.model.bind_tools([weather])
        whole = None
        for chunk in bound.stream("Where are you?"):
            whole = chunk if whole is None else whole + chunk
        first = whole.tool_calls[0]
        self.assertEqual((first["name"], first["args"]["city"]), ("weather", "Köln"))
        result = ToolMessage(content=weather.invoke(first["args"]), tool_call_id=first["id"])
        self.assertEqual(bound.invoke([HumanMessage("Where?"), whole, result]).content, SENTENCE)
        self.assertEqual(asked()["messages"][2]["content"], "21 degrees in Köln")

    def test_structured_output(self):
        structured = self.model.with_structured_output(Weather, method="json_schema")
        self.assertEqual(structured.invoke("What is the weather?"), Weather(city="Köln", degrees=21))

    def test_embeddings(self):
        embeddings = OpenAIEmbeddings(model="openai/fake-embed", check_embedding_ctx_length=False)
        vectors = embeddings.embed_documents(["ein Text", "another"])
        self.assertEqual([len(vector) for vector in vectors], [8, 8])
        self.assertEqual(embeddings.embed_query("ein Text"), vectors[0])
