"""An MCP server of the standard library alone: its one tool reads a file."""

import json
import sys

TOOL = {
    "name": "read",
    "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}


def answer(method, params):
    if method == "initialize":
        information = {"name": "reader", "version": "1"}
        return {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": information}
    if method == "tools/list":
        return {"tools": [TOOL]}
    try:
        with open(params["arguments"]["path"]) as file:
            return {"content": [{"type": "text", "text": file.read()}]}
    except OSError as error:
        return {"content": [{"type": "text", "text": str(error)}], "isError": True}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = answer(message["method"], message.get("params"))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
