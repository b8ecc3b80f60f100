"""The Python client: drives one session against a stdio server with the public SDK and prints what it received.

    client.py [--mode legacy|auto|2026-07-28] -- COMMAND [ARG...]

Prints one JSON object: the revision agreed on, what each step returned, and the notifications seen on the way.
The steps fit the fixtures (`server.py`, `rmcp_server.rs`).
"""

import argparse
import asyncio
import json
import os

from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.shared.exceptions import MCPError

CALLS = [
    ("add", {"a": 2, "b": 40}),
    (
        "book_table",
        {"guest": "Zoë", "seats": 4, "area": "hall", "contact": {"email": "zoe@example.org"}},
    ),
    ("account", {}),
    ("account_error", {}),
    ("account_denied", {}),
    ("account_events", {}),
    # Refused by the server itself when nothing stands in between.
    ("book_table", {"guest": "Zoë", "seats": "4", "area": "roof", "contact": {}, "vip": True}),
]


async def step(name, awaitable):
    """Await one request and describe its result or error in plain JSON."""
    try:
        result = await awaitable
        return {"step": name, "result": result.model_dump(mode="json", by_alias=True, exclude_none=True)}
    except MCPError as error:
        return {"step": name, "error": error.error.model_dump(mode="json", by_alias=True, exclude_none=True)}


async def drive(command, mode):
    """Run the whole session and collect its report."""
    seen = {"log": [], "progress": []}

    async def on_log(params):
        seen["log"].append(params.data)

    async def on_progress(progress, total, message):
        seen["progress"].append([progress, total, message])

    parameters = StdioServerParameters(command=command[0], args=command[1:], env=dict(os.environ))
    options = {"log_level": "info"} if mode != "legacy" else {}
    async with Client(
        stdio_client(parameters), mode=mode, logging_callback=on_log, **options
    ) as client:
        steps = [await step("tools/list", client.list_tools())]
        for tool, arguments in CALLS:
            call = client.call_tool(tool, arguments, progress_callback=on_progress)
            steps.append(await step(f"tools/call {tool}", call))
        steps.append(await step("prompts/list", client.list_prompts()))
        steps.append(await step("prompts/get", client.get_prompt("greet", {"name": "Zoë"})))
        steps.append(await step("prompts/get", client.get_prompt("account_prompt")))
        steps.append(await step("resources/list", client.list_resources()))
        steps.append(await step("resources/read", client.read_resource("memo://welcome")))
        steps.append(await step("resources/read", client.read_resource("memo://account")))
        return {"protocolVersion": client.protocol_version, "steps": steps, **seen}


def main():
    """Parse the command line, drive the session, print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="auto")
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(drive(arguments.command, arguments.mode)), ensure_ascii=False))


if __name__ == "__main__":
    main()
