"""The policy's own answer is worded as the API that was asked, so that clients cannot tell it by its shape."""

import json

import msgspec
import pytest
from openai.types import Completion
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from breakeven.gateway.decision.default_answer import default_answer

ABOUT = {"request_id": "r", "model": "m", "created": 5}
TYPES = {
    ("chat", False): ChatCompletion,
    ("chat", True): ChatCompletionChunk,
    ("completion", False): Completion,
    ("completion", True): Completion,
}
TEXTS = [
    "sorry",
    '{"choices":[{"message":{"role":"assistant","content":"sorry"}}]}',
    '{"choices":[{"text":"sorry"}]}',
]


@pytest.mark.parametrize(("api", "stream"), TYPES)
@pytest.mark.parametrize("text", TEXTS)
def test_the_openai_client_reads_it(api, stream, text) -> None:
    """Words, or an answer of either API that holds them, become the words in an answer of the API that was asked."""
    read = TYPES[api, stream].model_validate(json.loads(default_answer(api, text, **ABOUT, stream=stream)), strict=True)
    [choice] = read.choices
    words = choice.text if api == "completion" else (choice.delta if stream else choice.message).content
    assert (words, choice.finish_reason, read.model, read.created) == ("sorry", "stop", "m", 5)
    assert (read.usage is None) is stream


def test_a_stream_tells_the_usage_it_was_asked_for() -> None:
    """Nothing was computed, so it is zero."""
    said = msgspec.json.decode(default_answer("chat", "sorry", **ABOUT, stream=True, asked_usage=True))
    assert said["usage"] == {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


@pytest.mark.parametrize("text", ["[1", "{}", '{"choices":[]}', '{"choices":[{"message":null}]}', "[" * 10_000])
def test_any_other_text_is_the_words(text) -> None:
    """JSON that is no answer, and what is no JSON."""
    said = msgspec.json.decode(default_answer("chat", text, **ABOUT))
    assert said["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize("api", ["embedding", "infer"])
def test_what_has_no_words_is_answered_as_the_policy_holds_it(api) -> None:
    """Embeddings and tensors: the JSON of the policy, verbatim."""
    text = '{"data": [ ]}'
    assert default_answer(api, text, **ABOUT) == text.encode()
