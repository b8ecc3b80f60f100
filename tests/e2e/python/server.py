"""The Python fixture: an MCP server written with the public SDK's high-level class (FastMCP, `MCPServer` since 2.0).

Its tools, prompts and resources are the same as those of `src/bin/rmcp_server.rs`, so that one test table fits both.
Everything it leaks is made up.
"""

import json
import time
from typing import Annotated, Literal

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field

# The product document's example; the values look like placeholders, the prefix and the keys give them away.
LEAK = {"api_key": "sk-live-xxxxx", "user_ssn": "123-45-6789"}
LEAK_TEXT = json.dumps(LEAK)

server = MCPServer("python-fixture", version="1.0.0", instructions="Books tables and leaks secrets.")


class Contact(BaseModel):
    """Who to call about a booking."""

    email: str
    phone: str | None = None


class Account(BaseModel):
    """What a careless back end returns about a user."""

    api_key: str
    user_ssn: str


@server.tool()
def add(a: int, b: int) -> str:
    """Add two integers"""
    return str(a + b)


@server.tool()
def book_table(
    guest: str,
    seats: Annotated[int, Field(ge=1, le=12)],
    area: Literal["terrace", "hall", "bar"],
    contact: Contact,
    note: str | None = None,
) -> str:
    """Book a table"""
    return f"booked {seats} seats in the {area} for {guest}" + (f" ({note})" if note else "")


@server.tool()
def account() -> Account:
    """Read an account; leaks a key and a social security number"""
    return Account(**LEAK)


@server.tool()
def account_error() -> str:
    """Fail as a tool result with the leak in its text"""
    raise ToolError(f"cannot open {LEAK_TEXT}")


@server.tool()
def account_denied() -> str:
    """Fail as a JSON-RPC error with the leak in its message and its data"""
    raise MCPError(code=-32603, message=f"cannot open {LEAK_TEXT}", data=LEAK)


@server.tool(structured_output=False)
async def account_events(ctx: Context) -> CallToolResult:
    """Report the leak in a log message and, when asked for progress, in a progress message"""
    await ctx.report_progress(1, 2, f"read {LEAK_TEXT}")
    await ctx.info(LEAK)
    await ctx.info(f"read {LEAK_TEXT}")
    return CallToolResult(content=[TextContent(text="reported")])


@server.tool()
def nap(milliseconds: Annotated[int, Field(ge=0, le=60_000)]) -> str:
    """Answer after a while"""
    time.sleep(milliseconds / 1000)
    return "rested"


@server.prompt()
def greet(name: str) -> str:
    """Greet somebody"""
    return f"Say hello to {name}."


@server.prompt()
def account_prompt() -> str:
    """A prompt with the leak in it"""
    return f"Summarise {LEAK_TEXT}"


@server.resource("memo://welcome", mime_type="text/plain")
def welcome() -> str:
    """A harmless text"""
    return "Grüß Gott \u2014 welcome."


@server.resource("memo://account", mime_type="application/json")
def account_memo() -> str:
    """A text with the leak in it"""
    return LEAK_TEXT


if __name__ == "__main__":
    server.run()
